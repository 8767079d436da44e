"""BayesianGaussianMixture: a mixture of normal distributions whose parameters have a prior."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self, final

import pydantic
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo_core import config as configuration
from zoo_core.errors import DataError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.preprocessing import Step
from zoo_core.interfaces.randomness import child_rng
from zoo_plugin_classical.expectation_maximization import EMOptions, NetworkRows
from zoo_plugin_classical.gaussian_config import GaussianConfig
from zoo_plugin_classical.gaussian_stack import GaussianStack
from zoo_plugin_classical.kept_state import guarded
from zoo_plugin_classical.mixture_start import Start, comparable, drawn_rows, groups
from zoo_plugin_classical.quadratic_pass import gaussian_pass
from zoo_plugin_classical.student_mixture import log_prob_each, noise
from zoo_plugin_classical.variational_posterior import VariationalPosterior, WeightPrior

_CHUNK = 1024


@final
class BayesianGaussianMixtureConfig(GaussianConfig):
    """Fields of a mixture of normal distributions under a prior.

    n_components: how many at most; those that the data don't need end with a weight near 0.
    weight_prior, concentration: the prior of the weights, by default of concentration 1/K; a
    smaller one favours fewer components. mean_precision: rows that the prior mean, the data's,
    counts for. freedom: degrees of freedom of the prior of precisions, above d − 1, by default d;
    its mean is the inverse of the data's covariance.
    """

    n_components: pydantic.PositiveInt = 1
    weight_prior: WeightPrior = WeightPrior.DIRICHLET_PROCESS
    concentration: pydantic.PositiveFloat | None = None
    mean_precision: pydantic.PositiveFloat = 1.0
    freedom: pydantic.PositiveFloat | None = None

    @pydantic.model_validator(mode="after")
    def _free_enough(self) -> Self:
        if self.freedom is not None and self.freedom <= self.space.size - 1:
            raise ValueError("freedom is above the number of entries less 1")
        if self.space.missing:
            raise ValueError("the Bayesian mixture takes no missing values")
        return self


@final
class BayesianGaussianMixture(Generator, DensityModel):
    """A mixture of normal distributions whose parameters have a posterior (Bishop 2006, 10.2).

    The fit climbs the variational lower bound, by the steps of scikit-learn's
    BayesianGaussianMixture. `log_prob` is the posterior predictive density, the mixture of
    Student's t distributions that the variational posterior gives in closed form (Bishop 2006,
    eq. 10.81): it integrates to one, as scikit-learn's `score_samples` does not.
    """

    architecture: ClassVar[str] = "classical/bayesian-gmm"
    Config: ClassVar[type[configuration.Config]] = BayesianGaussianMixtureConfig

    config: BayesianGaussianMixtureConfig

    def _build(self) -> None:
        config, size = self.config, self.space.size
        k = config.n_components
        self.stack = GaussianStack(k, size, config.covariance, config.covariance_floor)
        concentration = 1 / k if config.concentration is None else config.concentration
        freedom = size if config.freedom is None else config.freedom
        self.posterior = VariationalPosterior(
            self.stack, config.weight_prior, concentration, config.mean_precision, freedom
        )

    def _preprocessing(self) -> tuple[Step, ...]:
        return self.config.preprocessing

    @property
    def weights(self) -> Float[Tensor, " k"]:
        """The expected weights of the components; they add up to 1."""
        return self.posterior.weights

    @torch.no_grad()
    def responsibilities(self, x: Any) -> Float[Tensor, "n k"]:
        """Give q(k | x), how likely each row comes from each component (Bishop 2006, eq. 10.49).

        Raises DataError.
        """
        z, _ = self._to_network(self._checked(x), self._rng(None, default_seed=0), None)
        joint = self.stack.log_prob_each(_tensor(z)).double() + self.posterior.log_shares()
        return joint.softmax(1).to(self.dtype)

    @torch.no_grad()
    def clusters(self, x: Any) -> Int64[Tensor, " n"]:
        """Give the component that each row most likely comes from. Raises DataError."""
        return self.responsibilities(x).argmax(1)

    def _log_prob(self, z: Any, call: Call) -> Tensor:
        del call
        log_weights = self.weights.log()
        parts = z.reshape(len(z), -1).split(_CHUNK)
        scores = (log_prob_each(part, self.posterior) + log_weights for part in parts)
        return torch.cat([score.logsumexp(1) for score in scores])

    def _sample(self, n: int, call: Call) -> Tensor:
        which = self.weights.multinomial(n, replacement=True, generator=call.rng)
        drawn = self.stack.mean[which] + noise(which, self.posterior, call.rng)
        return drawn.reshape(n, *self.space.shape)

    def _fit(self, request: FitRequest) -> FitReport:
        options = self._options(EMOptions, request.options)
        start, began = Start.of(request.start), time.perf_counter()
        best, kept, stopped = [], None, StopReason.FINISHED
        with guarded(self), torch.no_grad():
            if start is not Start.PRESENT:
                self.fit_preprocessing(request.data, request.rng)
            rows = NetworkRows(self, request.data, request.rng)
            for _ in range(options.restarts):
                history, reason = self._climb(
                    rows, start, child_rng(request.rng, self.device), options
                )
                if not best or history[-1]["loss"] < best[-1]["loss"]:
                    best, stopped = history, reason
                    kept = {n: t.clone() for n, t in self.state_dict().items()}
            self.load_state_dict(kept or {}, strict=kept is not None)
        return FitReport(
            len(best), time.perf_counter() - began, stopped, tuple(best), best[-1], options.restarts
        )

    def _climb(
        self, rows: NetworkRows, start: Start, rng: torch.Generator, options: EMOptions
    ) -> tuple[list[Mapping[str, float]], StopReason]:
        """Take steps until the bound's gain is below the tolerance."""
        if start is not Start.PRESENT:
            self._set_prior(rows)
            self._start(rows, start, rng)
        history: list[Mapping[str, float]] = []
        for step in range(1, options.iterations + 1):
            counts, stats, entropy = self._expectation(rows)
            self.posterior.update(counts, stats)
            bound = float(self.posterior.lower_bound(entropy)) / float(counts.sum())
            if not math.isfinite(bound):
                raise DataError(
                    "The data have a finite bound under the model",
                    received=f"{bound} nats a row after {step} steps",
                    remedy="Scale the columns, or raise the floor of the variances.",
                )
            history.append({"step": step, "loss": -bound})
            gain = history[-2]["loss"] - history[-1]["loss"] if step > 1 else math.inf
            if options.tolerance > 0 and gain < options.tolerance:
                return history, StopReason.CONVERGED
        return history, StopReason.FINISHED

    def _expectation(self, rows: NetworkRows) -> tuple[Tensor, Mapping[str, Tensor], Tensor]:
        """Give expected rows a component, the stack's sums, and the entropy of the shares."""
        work, log_shares = gaussian_pass(self.stack), self.posterior.log_shares()
        counts, entropy = torch.zeros_like(log_shares), log_shares.new_zeros(())
        for z, weight, _ in rows:
            for part, count in zip(z.split(_CHUNK), weight.split(_CHUNK), strict=True):
                work.take(part)
                share = (work.score() + log_shares.to(z.dtype)).softmax(1)
                entropy += (torch.special.entr(share).sum(1) * count).sum(dtype=torch.float64)
                share.mul_(count[:, None])
                work.count(share)
                counts += share.sum(0, dtype=torch.float64)
        return counts, work.sums(), entropy

    def _set_prior(self, rows: NetworkRows) -> None:
        """Take the data's mean and covariance for the prior's, rows weighted."""
        mean, covariance = _moments((z, weight) for z, weight, _ in rows)
        floor = self.config.covariance_floor
        values, vectors = torch.linalg.eigh(covariance)
        covariance = (vectors * values.clamp_min(floor)) @ vectors.T
        self.posterior.set_prior(mean, covariance)

    def _start(self, rows: NetworkRows, start: Start, rng: torch.Generator) -> None:
        """Start from groups of rows, a component each."""
        z, weight = drawn_rows(((z, weight) for z, weight, _ in rows), rng)
        z, weight, k = z.reshape(len(z), -1), weight.double(), self.config.n_components
        group = groups(comparable(z, weight), weight, k, start, rng)
        self._start_from(z, torch.nn.functional.one_hot(group, k) * weight[:, None])

    def _start_from(self, z: Tensor, share: Float[Tensor, "n k"]) -> None:
        """Set the posterior to that of rows shared among the components."""
        stats = self.stack.statistics_each(z, share)
        self.posterior.update(share.double().sum(0), stats)


def _moments(parts: Iterable[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Give the mean and the unbiased covariance of weighted rows, in float64.

    Centred moments are merged part by part (Chan et al. 1983, eq. 2.1).
    """
    total, mean, scatter = 0.0, torch.zeros(()), torch.zeros(())
    for z, weight in parts:
        z, weight = z.reshape(len(z), -1).double(), weight.double()
        count = float(weight.sum())
        if count == 0:
            continue
        centre = weight @ z / count
        away, gap = z - centre, centre - mean.to(z)
        share = total * count / (total + count)
        scatter = scatter.to(z) + (away * weight[:, None]).T @ away + share * torch.outer(gap, gap)
        total, mean = total + count, mean.to(z) + gap * (count / (total + count))
    return mean, scatter / max(total - 1, 1.0)


def _tensor(z: Any) -> Tensor:
    return z
