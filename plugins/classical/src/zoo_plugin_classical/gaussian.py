"""Gaussian: one normal distribution, with any form of covariance."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core import config as configuration
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.conditionable import Conditionable
from zoo_core.interfaces.preprocessing import Step
from zoo_plugin_classical.gaussian_config import MostProbableGaussianConfig
from zoo_plugin_classical.gaussian_stack import GaussianStack, data_scale
from zoo_plugin_classical.stack import without
from zoo_plugin_classical.stack_model import StackModel


@final
class Gaussian(StackModel, Conditionable):
    """N(mean, C): the one that was fitted is that of the data's mean and covariance.

    Rows may lack entries, which are integrated out; it is then fitted by EM (Ghahramani & Jordan
    1994, section 3). Any entries given the others are normal again, so that `conditional_mean` is
    linear regression.
    """

    architecture: ClassVar[str] = "classical/gaussian"
    Config: ClassVar[type[configuration.Config]] = MostProbableGaussianConfig

    config: MostProbableGaussianConfig
    stack: GaussianStack

    def _stack(self, k: int) -> GaussianStack:
        config = self.config
        size, floor = self.space.size, config.covariance_floor
        return GaussianStack(k, size, config.covariance, floor, config.prior)

    def _preprocessing(self) -> tuple[Step, ...]:
        return self.config.preprocessing

    @property
    @torch.no_grad()
    def mean(self) -> Float[Tensor, ...]:
        """The mean, in data space, `[*shape]`."""
        mean = self.stack.mean.clone().reshape(1, *self.space.shape)
        return self.preprocessing.inverse(mean)[0]

    @property
    @torch.no_grad()
    def covariance(self) -> Float[Tensor, "d d"]:
        """The covariance matrix, in data space, entries flattened."""
        like = self.stack.mean.reshape(self.space.shape)
        scale = data_scale(self.preprocessing, like)
        return scale[:, None] * self.stack.covariances[0] * scale

    def _conditional_mean(self, values: Tensor, mask: Tensor, call: Call) -> Tensor:
        known, _ = self.preprocessing(values, call.rng)
        completed = self.stack.complete_each(without(known, mask))[:, 0]
        return self.preprocessing.inverse(completed.reshape(values.shape))
