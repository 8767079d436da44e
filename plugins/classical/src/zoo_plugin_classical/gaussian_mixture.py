"""GaussianMixture: a mixture of normal distributions, fitted by EM."""

from __future__ import annotations

from typing import Any, ClassVar, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_core import config as configuration
from zoo_core.errors import DataError
from zoo_core.interfaces.conditionable import Conditionable
from zoo_core.interfaces.fitting import FitReport, FitRequest
from zoo_core.interfaces.preprocessing import Step
from zoo_core.interfaces.sufficient_statistics import Stats
from zoo_plugin_classical.expectation_pass import ExpectationPass
from zoo_plugin_classical.gaussian_config import MostProbableGaussianConfig
from zoo_plugin_classical.gaussian_stack import GaussianStack, data_scale
from zoo_plugin_classical.mixture_model import MixtureModel
from zoo_plugin_classical.quadratic_pass import gaussian_pass
from zoo_plugin_classical.stepwise_em import Stepwise, StepwiseOptions


@final
class GaussianMixtureConfig(MostProbableGaussianConfig):
    """Fields of a mixture of normal distributions: theirs, and n_components, how many."""

    n_components: pydantic.PositiveInt = 1


@final
class GaussianMixture(MixtureModel, Stepwise, Conditionable):
    """p(x) = Σ_k w_k N(x; mean_k, C_k) (Bishop 2006, section 9.2)."""

    architecture: ClassVar[str] = "classical/gmm"
    Config: ClassVar[type[configuration.Config]] = GaussianMixtureConfig

    config: GaussianMixtureConfig
    stack: GaussianStack

    def _build(self) -> None:
        config = self.config
        k, size = config.n_components, self.space.size
        self.log_weights = nn.Parameter(0.2 * torch.randn(k))
        floor = config.covariance_floor
        self.stack = GaussianStack(k, size, config.covariance, floor, config.prior)

    def _preprocessing(self) -> tuple[Step, ...]:
        return self.config.preprocessing

    def _expectation_pass(self) -> ExpectationPass:
        return gaussian_pass(self.stack)

    @property
    @torch.no_grad()
    def means(self) -> Float[Tensor, "k ..."]:
        """The means of the components, in data space."""
        mean = self.stack.mean.reshape(-1, *self.space.shape)
        return self.preprocessing.inverse(mean.clone())

    @property
    @torch.no_grad()
    def covariances(self) -> Float[Tensor, "k d d"]:
        """The covariance matrices of the components, in data space, entries flattened."""
        scale = self._scale()
        return scale[:, None] * self.stack.covariances * scale

    @torch.no_grad()
    def set_components(
        self,
        *,
        weights: Tensor | None = None,
        means: Tensor | None = None,
        covariances: Tensor | None = None,
    ) -> None:
        """Set weights `[K]`, means `[K, *shape]` or covariances `[K, d, d]`, in data space.

        What isn't given stays. A fit with `start="present"` begins there. Of covariances the form
        that the model has is kept: tied ones are averaged, diagonals taken. Raises DataError.
        """
        k, size = self.config.n_components, self.space.size
        checked = {
            "weights": _given(weights, (k,)),
            "means": _given(means, (k, *self.space.shape)),
            "covariances": _given(covariances, (k, size, size)),
        }
        self._refuse_given("be changed")
        weights, means, covariances = checked.values()
        if covariances is not None and bool((torch.linalg.eigvalsh(covariances) <= 0).any()):
            raise DataError("Covariances are symmetric and positive definite", received="others")
        if weights is not None and not bool((weights >= 0).all() and weights.sum() > 0):
            raise DataError("Weights are not negative, and not all zero", received=weights)
        if weights is not None:
            self._update_weights(weights)
        if means is not None:
            z, _ = self.preprocessing(means.to(self.stack.mean), self._rng(None, default_seed=0))
            self.stack.mean.copy_(z.reshape(k, size))
        if covariances is not None:
            scale = self._scale().double()
            self.stack.set_covariances(covariances / scale / scale[:, None])

    def _scale(self) -> Tensor:
        """Give the standardising scale of each entry, `[d]`, by the map's slope."""
        return data_scale(self.preprocessing, self.stack.mean[0].reshape(self.space.shape))

    def _fit(self, request: FitRequest) -> FitReport:
        return self._fit_from(request, self._options(StepwiseOptions, request.options))

    def _carried(self, stats: Stats) -> Stats:
        return self._with_components(stats, self.stack.carried)


def _given(tensor: Any, shape: tuple[int, ...]) -> Tensor | None:
    """Check numbers that a person gives. Raises DataError."""
    if tensor is None:
        return None
    tensor = torch.as_tensor(tensor, dtype=torch.float64)
    if tensor.shape != shape or not bool(tensor.isfinite().all()):
        raise DataError(
            f"Finite numbers of shape {list(shape)} are needed",
            received=f"shape {list(tensor.shape)}",
        )
    return tensor
