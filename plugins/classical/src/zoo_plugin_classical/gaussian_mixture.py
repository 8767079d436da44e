"""GaussianMixture: a mixture of normal distributions, fitted by EM."""

from __future__ import annotations

from typing import ClassVar, final

import pydantic
import torch
from torch import nn

from zoo_core import config as configuration
from zoo_core.interfaces.conditionable import Conditionable
from zoo_core.interfaces.fitting import FitReport, FitRequest
from zoo_core.interfaces.preprocessing import Step
from zoo_plugin_classical.expectation_maximization import EMOptions, NetworkRows, fit_by_em
from zoo_plugin_classical.expectation_pass import ExpectationPass, StackPass
from zoo_plugin_classical.gaussian_config import GaussianConfig
from zoo_plugin_classical.gaussian_stack import GaussianStack
from zoo_plugin_classical.mixture_model import MixtureModel
from zoo_plugin_classical.mixture_start import Start, comparable, drawn_rows, groups


@final
class GaussianMixtureConfig(GaussianConfig):
    """Fields of a mixture of normal distributions: theirs, and n_components, how many."""

    n_components: pydantic.PositiveInt = 1


@final
class GaussianMixture(MixtureModel, Conditionable):
    """p(x) = Σ_k w_k N(x; mean_k, C_k) (Bishop 2006, section 9.2)."""

    architecture: ClassVar[str] = "classical/gmm"
    Config: ClassVar[type[configuration.Config]] = GaussianMixtureConfig

    config: GaussianMixtureConfig
    stack: GaussianStack

    def _build(self) -> None:
        config = self.config
        k, size = config.n_components, self.space.size
        self.log_weights = nn.Parameter(0.2 * torch.randn(k))
        self.stack = GaussianStack(k, size, config.covariance, config.covariance_floor)

    def _preprocessing(self) -> tuple[Step, ...]:
        return self.config.preprocessing

    def _expectation_pass(self) -> ExpectationPass:
        return StackPass(self.stack)

    def _fit(self, request: FitRequest) -> FitReport:
        options = self._options(EMOptions, request.options)
        start = Start.of(request.start)

        def begin(rows: NetworkRows, rng: torch.Generator) -> None:
            if start is not Start.PRESENT:
                self._start(rows, start, rng)

        return fit_by_em(self, request, options, begin)

    @torch.no_grad()
    def _start(self, rows: NetworkRows, start: Start, rng: torch.Generator) -> None:
        """Start from groups of rows, a component each."""
        z, weight = drawn_rows(((z, weight) for z, weight, _ in rows), rng)
        z, weight, k = z.reshape(len(z), -1), weight.double(), self.config.n_components
        group = groups(comparable(z, weight), weight, k, start, rng)
        share = torch.nn.functional.one_hot(group, k) * weight[:, None]
        self.stack.start(z, share)
        counts = share.sum(0)
        # An empty group's component starts as one row.
        self._update_weights(torch.where(counts > 0, counts, weight.mean()))
