"""MixtureModel: what all mixtures share, p(x) = Σ_k w_k p_k(x)."""

from __future__ import annotations

import functools
import math
import operator
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast, final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.call import Call, Observed
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.fitting import FitReport, FitRequest
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.requests import checked_weight
from zoo_core.interfaces.sufficient_statistics import Stats, SufficientStatistics
from zoo_plugin_classical.expectation_maximization import (
    LOG_LIKELIHOOD,
    EMOptions,
    NetworkRows,
    fit_by_em,
)
from zoo_plugin_classical.expectation_pass import ExpectationPass
from zoo_plugin_classical.mixture_start import Start, comparable, drawn_rows, groups
from zoo_plugin_classical.stack import ConditionalStack, missing, without
from zoo_plugin_classical.stepwise_em import Stepwise, StepwiseOptions, fit_stepwise
from zoo_plugin_classical.threads import in_single_threads, spans

WEIGHTS = "weights"
"""Name of the expected rows of each component among the statistics."""
_OF_STACK = "components."
_CHUNK = 1024
"""Rows whose shares are held at once, so that they stay in a processor's cache."""
_CHUNK_ON_GPU = 2**17
_CHUNK_OF_PATTERNS = 2**14
"""Rows that lack entries, of which those that lack the same ones are worked on together."""


class MixtureModel(Generator, DensityModel, SufficientStatistics):
    """p(x) = Σ_k w_k p_k(x), learnt by EM (Dempster, Laird & Rubin 1977, section 4.3)."""

    log_weights: Tensor
    """Logarithms of the weights up to a constant, `[K]`."""

    stack: Any
    """The components, a Stack; a class narrows the annotation to its own."""

    @abstractmethod
    def _expectation_pass(self) -> ExpectationPass:
        """Begin a pass over rows under the present parameters."""

    @property
    @final
    def weights(self) -> Float[Tensor, " k"]:
        """The weights of the components; they add up to 1."""
        return self.log_weights.softmax(0)

    @final
    @torch.no_grad()
    def responsibilities(self, x: Any) -> Float[Tensor, "n k"]:
        """Give p(k | x), how likely each row comes from each component (Bishop 2006, eq. 9.13).

        Missing entries are summed out. Raises DataError.
        """
        return self._joint(self._rows(x)).softmax(1)

    @final
    @torch.no_grad()
    def clusters(self, x: Any) -> Int64[Tensor, " n"]:
        """Give the component that each row most likely comes from. Raises DataError."""
        return self._joint(self._rows(x)).argmax(1)

    @property
    @final
    def free_parameters(self) -> int:
        """How many numbers are learnt: weights and components."""
        return self.stack.k - 1 + self.stack.free_parameters

    @final
    def bic(self, x: Any, *, weight: Any = None) -> float:
        """Give Schwarz's criterion, −2 log L + (numbers learnt) log n; the lower the better.

        n is the number of rows, a row counted `weight` times (Schwarz 1978). Raises DataError.
        """
        log_likelihood, n = self._log_likelihood(x, weight)
        return -2 * log_likelihood + self.free_parameters * math.log(n)

    @final
    def aic(self, x: Any, *, weight: Any = None) -> float:
        """Give Akaike's criterion, −2 log L + 2 (numbers learnt); the lower the better.

        A row counts `weight` times (Akaike 1974). Raises DataError.
        """
        return -2 * self._log_likelihood(x, weight)[0] + 2 * self.free_parameters

    @final
    @torch.no_grad()
    def _log_likelihood(self, x: Any, weight: Any) -> tuple[float, float]:
        """Give Σ weight · log p(x) and Σ weight."""
        scores = self.log_prob(x).double()
        given = checked_weight(weight, len(scores), whole=True)
        counts = torch.ones_like(scores) if given is None else given.to(scores.device)
        return float(counts @ scores), float(counts.sum())

    @final
    def _rows(self, x: Any) -> Tensor:
        """Check rows of data and map them to network space."""
        z, _ = self._to_network(self._checked(x), self._rng(None, default_seed=0), None)
        if not isinstance(z, Tensor):
            raise UnsupportedError(f"{self._name} is a model of arrays")
        return z

    @final
    def _joint(self, z: Tensor) -> Float[Tensor, "n k"]:
        """Give log w_k p_k(z) in nats."""
        return self.log_weights.log_softmax(0) + self.stack.log_prob_each(z)

    @final
    def _log_prob(self, z: Any, call: Call) -> Tensor:
        scores = self._marginal(z)
        if not isinstance(call.observed, Tensor):
            return scores
        return scores - self._marginal(without(z, call.observed))

    @final
    def _marginal(self, z: Tensor) -> Float[Tensor, " n"]:
        return torch.cat([self._joint(part).logsumexp(1) for part in z.split(_CHUNK)])

    @final
    def _sample(self, n: int, call: Call) -> Tensor:
        if not isinstance(call.observed, Observed):
            which = self.weights.multinomial(n, replacement=True, generator=call.rng)
            return self.stack.sample_each(which, call.rng).reshape(n, *self.space.shape)
        known = self._known_rows(call.observed.values, call.observed.mask, call)
        which = self._joint(known).softmax(1).multinomial(1, generator=call.rng)[:, 0]
        rest = self._conditional().sample_rest(known, which, call.rng)
        return rest.reshape(n, *self.space.shape)

    @final
    def _conditional_mean(self, values: Tensor, mask: Tensor, call: Call) -> Tensor:
        """Give Σ_k p(k | known) E_k[x | known] (Ghahramani & Jordan 1994, eq. 20)."""
        known = self._known_rows(values, mask, call)
        mean = torch.cat([self._completed(part) for part in known.split(_CHUNK)])
        return self.preprocessing.inverse(mean.reshape(values.shape))

    @final
    def _completed(self, z: Tensor) -> Tensor:
        each = self._conditional().complete_each(z).reshape(len(z), self.stack.k, -1)
        return torch.einsum("nk,nkd->nd", self._joint(z).softmax(1), each)

    @final
    def _known_rows(self, values: Tensor, mask: Tensor, call: Call) -> Tensor:
        """Map known values to network space; what isn't known is missing there."""
        if self.space.kind.discrete:
            return without(values.nan_to_num().to(torch.int64), mask)
        z, _ = self.preprocessing(values.to(self.dtype), call.rng)
        return without(z, mask)

    @final
    def _conditional(self) -> ConditionalStack:
        if not isinstance(self.stack, ConditionalStack):
            raise UnsupportedError(f"{self._name} can't be told a part of the sample")
        return self.stack

    @final
    def _statistics(self, z: Any, weight: Tensor, call: Call) -> Stats:
        """Give the rows' expected shares and what components learn from them."""
        del call
        pieces = spans(len(z)) if z.device.type == "cpu" else [(0, len(z))]
        sums = in_single_threads(lambda a, b: self._sums(z[a:b], weight[a:b]), pieces)
        return functools.reduce(operator.add, sums)

    @final
    def _sums(self, z: Tensor, weight: Tensor) -> Stats:
        log_weights, work = self.log_weights.log_softmax(0), self._expectation_pass()
        rows = torch.zeros_like(log_weights, dtype=torch.float64)
        total = rows.new_zeros(())
        # Far below it numbers are subnormal, which processors are slow at.
        lowest = 0.9 * math.log(torch.finfo(self.dtype).tiny)
        for part, count in self._parts(z, weight):
            work.take(part)
            joint = work.score().add_(log_weights)
            largest = joint.amax(1)
            share = joint.sub_(largest[:, None]).clamp_min_(lowest).exp_()
            scale = share.sum(1)
            share.mul_((count / scale)[:, None])
            work.count(share)
            rows += share.sum(0, dtype=torch.float64)
            total += (scale.log_().add_(largest) * count).sum(dtype=torch.float64)
        own = {f"{_OF_STACK}{name}": tensor for name, tensor in work.sums().items()}
        return Stats({WEIGHTS: rows, LOG_LIKELIHOOD: total, **own})

    @final
    def _parts(self, z: Tensor, weight: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Cut rows into parts; those that lack entries come last, apart and in larger parts."""
        size = _CHUNK if z.device.type == "cpu" else _CHUNK_ON_GPU
        lacks = missing(z).reshape(len(z), -1).any(1)
        if not bool(lacks.any()):
            yield from zip(z.split(size), weight.split(size), strict=True)
            return
        whole = ~lacks
        yield from zip(z[whole].split(size), weight[whole].split(size), strict=True)
        size = max(size, _CHUNK_OF_PATTERNS)
        yield from zip(z[lacks].split(size), weight[lacks].split(size), strict=True)

    @final
    def _fit_from(self, request: FitRequest, options: EMOptions) -> FitReport:
        """Fit by whole passes, or by mini-batches where the options say so."""
        start = Start.of(request.start)

        def begin(rows: NetworkRows, rng: torch.Generator) -> None:
            if start is not Start.PRESENT:
                self._start(rows, start, rng)

        if isinstance(options, StepwiseOptions) and options.batch_size is not None:
            return fit_stepwise(cast("Stepwise", self), request, options, begin)
        return fit_by_em(self, request, options, begin, reseed=self._reseed)

    @final
    @torch.no_grad()
    def _start(self, rows: NetworkRows, start: Start, rng: torch.Generator) -> None:
        """Start from groups of rows, a component each."""
        z, weight = drawn_rows(((z, weight) for z, weight, _ in rows), rng)
        k, weight = self.stack.k, weight.double()
        group = groups(comparable(z, weight), weight, k, start, rng)
        self._start_from(z, torch.nn.functional.one_hot(group, k) * weight[:, None])

    @final
    def _start_from(self, z: Tensor, share: Float[Tensor, "n k"]) -> None:
        """Set components and weights to those of shared rows; one without any counts as a row."""
        self.stack.start(z, share)
        counts = share.sum(0)
        self._update_weights(torch.where(counts > 0, counts, counts.sum() / len(z)))

    @final
    @torch.no_grad()
    def _reseed(self, rows: NetworkRows, stats: Stats, *, rng: torch.Generator) -> bool:
        """Put components that have hardly a row each amid rows that the model explains badly.

        That is, fewer rows than entries a row has, and one. The new place is around a row drawn
        with chances as it falls behind the best explained one; nothing is done where rows are too
        few for so many components.
        """
        least, counts = self.space.size + 1, stats[WEIGHTS]
        starved = (counts < least).nonzero()[:, 0].tolist()
        if not starved or float(counts.sum()) < 2 * least * len(counts):
            return False
        z, weight = drawn_rows(((z, weight) for z, weight, _ in rows), rng)
        weight = weight.double()
        share = self._joint(z).softmax(1).double() * weight[:, None]
        behind = self._marginal(z).double()
        behind = weight * (behind.amax() - behind)
        features, crowd = comparable(z, weight), max(1, len(z) // len(counts))
        for k in starved:
            if not bool(behind.sum() > 0):
                return False
            centre = features[behind.multinomial(1, generator=rng)]
            near = (features - centre).square().sum(1).topk(crowd, largest=False).indices
            share[near] = 0.0
            share[near, k] = weight[near]
            behind[near] = 0.0
        self._start_from(z, share)
        return True

    @final
    def _update(self, stats: Stats) -> None:
        self._update_weights(stats[WEIGHTS])
        self.stack.update(_of_stack(stats))

    @final
    def _with_components(
        self, stats: Stats, change: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
    ) -> Stats:
        """Give statistics with another form of those of the components."""
        changed = {f"{_OF_STACK}{n}": t for n, t in change(_of_stack(stats)).items()}
        return Stats({**stats.tensors, **changed})

    @final
    def _update_weights(self, rows: Tensor) -> None:
        """Set weights to the shares of rows; without rows they stay."""
        if float(rows.sum()) > 0:
            smallest = torch.finfo(self.dtype).tiny
            self.log_weights.copy_((rows / rows.sum()).clamp_min(smallest).log())

    @final
    def _log_prior(self) -> Tensor:
        return self.stack.log_prior()


def _of_stack(stats: Stats) -> dict[str, Tensor]:
    own = {n: t for n, t in stats.tensors.items() if n.startswith(_OF_STACK)}
    return {name.removeprefix(_OF_STACK): tensor for name, tensor in own.items()}
