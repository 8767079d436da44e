"""DensityModel: a model that knows how likely data are, and says in what sense."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.config import Config
from zoo_core.errors import DataError, DefinitionError, UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.call import Call, NoOptions
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space

if TYPE_CHECKING:
    from zoo_core.interfaces.distribution import ModelDistribution


@final
class DensityKind(StrEnum):
    """How a figure stands to the true log-density of the model.

    The mean of a LOWER_BOUND over its noise is at most the truth; a bound that takes K
    importance samples names the option `samples`. The truth of an ESTIMATE lies between the
    harmonic and the arithmetic mean of its exponentials. UNNORMALIZED is the truth plus a constant.
    """

    EXACT = "exact"
    LOWER_BOUND = "lower-bound"
    ESTIMATE = "estimate"
    UNNORMALIZED = "unnormalized"


@final
class Measure(StrEnum):
    """With respect to what a density is: volume, counting, or both in one table."""

    DENSITY = "density"
    MASS = "mass"
    MIXED = "mixed"


@final
@dataclass(frozen=True)
class Density:
    """What `log_prob` gives: its kind, its measure, and how it is computed, in words."""

    kind: DensityKind
    measure: Measure
    how: str = ""

    def comparable(self, other: Density) -> bool:
        """Say whether two figures may stand in one ranking: same kind, same measure."""
        return (self.kind, self.measure) == (other.kind, other.measure)


def _measure(space: Space) -> Measure:
    """Say with respect to what a density over a space is."""
    discrete = {entry.kind.discrete for entry in space.entries or (space,)}
    if len(discrete) == 2:
        return Measure.MIXED
    return Measure.MASS if discrete == {True} else Measure.DENSITY


_BESIDE = ("x", "condition", "observed", "rng")
_MASK_OF_SEQUENCES = (
    "Give the whole sequences as x, what is known included, and Ragged(mask, lengths)."
)
_MASK_OF_ARRAYS = "Give the whole rows as x, and a boolean tensor of their shape."


class DensityModel(Model, interface=True):
    """A model that knows how likely data are; a plugin implements `_log_prob(z, call)`."""

    LogProbOptions: ClassVar[type[Config]] = NoOptions
    _compilable: ClassVar[tuple[str, ...]] = ("_log_prob",)

    @final
    def log_prob(
        self,
        x: Any,
        *,
        condition: Any = None,
        observed: Tensor | Ragged | None = None,
        rng: torch.Generator | None = None,
        **options: Any,
    ) -> Float[Tensor, " n"]:
        """Give log p(x), in nats, of each row of `x [n, *shape]` as the user has it.

        What it is (exact, a bound, …) says `density_of(**options)`. With `observed`, a mask that
        is True on known entries (of sequences: a Ragged of their lengths, on known steps),
        log p(rest given observed). Gradients flow through. A stochastic
        bound draws from rng; without one from a fixed seed, so that scoring twice agrees. Raises
        DataError, ConditionError, OptionError.
        """
        self._require(DensityModel)
        data = self._checked(x)
        mask = None if observed is None else self._mask(observed, data)
        parsed = self._options(self.LogProbOptions, options, _BESIDE)
        generator = self._rng(rng, default_seed=0)
        context = self._context_of(condition, len(data))
        z, log_det = self._to_network(data, generator, mask)
        call = Call(generator, context=context, observed=mask, options=parsed)
        return self._scored(z, call) + log_det

    @final
    def density_of(self, **options: Any) -> Density:
        """Say what `log_prob` with these options gives. Raises OptionError."""
        self._require(DensityModel)
        kind, how = self._density(self._options(self.LogProbOptions, options))
        if not self.preprocessing.dequantizes:
            return Density(kind, _measure(self.space), how)
        kind = DensityKind.LOWER_BOUND if kind is DensityKind.EXACT else kind
        return Density(kind, Measure.MASS, ", ".join(filter(None, [how, "uniform dequantisation"])))

    @property
    @final
    def density(self) -> Density:
        """What `log_prob` with default options gives."""
        return self.density_of()

    @final
    def as_distribution(
        self, condition: Any = None, rng: torch.Generator | None = None
    ) -> ModelDistribution:
        """View the model as a torch.distributions.Distribution, for one condition.

        Its `sample` draws from `rng`, or fresh. Raises UnsupportedError for sequences.
        """
        from zoo_core.interfaces.distribution import ModelDistribution

        if self.space.ragged:
            raise UnsupportedError("torch.distributions has no samples of unequal length")
        model = self if condition is None else self.given(condition)
        return ModelDistribution(model, rng)

    @abstractmethod
    def _log_prob(self, z: Any, call: Call) -> Tensor:
        """Give log p(z) in nats, one number a row, z in network space (a Tensor or Ragged)."""

    def _density(self, options: Any) -> tuple[DensityKind, str]:
        """Say the kind of `_log_prob` with these options, and how it is computed."""
        del options
        return DensityKind.EXACT, ""

    def _loss(self, batch: Batch, call: Call) -> Tensor:
        """Give −log p(x) with the default options, log-determinant counted."""
        loss = -self._scored(batch.x, call)
        return loss if call.log_det is None else loss - call.log_det

    @final
    def _loss_options(self) -> Any:
        return self.LogProbOptions()

    @final
    def _scored(self, z: Any, call: Call) -> Tensor:
        log_prob = self._log_prob(z, call)
        if log_prob.shape != (len(z),):
            raise DefinitionError(
                f"{type(self).__name__}._log_prob gives one number a row, [{len(z)}]",
                received=f"shape {list(log_prob.shape)}",
                remedy="Sum over the entries of a row.",
            )
        return log_prob

    @final
    def _mask(self, observed: Tensor | Ragged, x: Tensor | Ragged) -> Tensor:
        """Check what is observed; give the mask of x, of sequences that of their steps."""
        if not self.observes:
            raise UnsupportedError(
                f"{self._name} can't condition on a part of the sample",
                received="observed=…",
                remedy="Use a model whose class says `observes`.",
            )
        if isinstance(x, Ragged):
            lengths = observed.lengths.tolist() if isinstance(observed, Ragged) else None
            if lengths not in (None, x.lengths.tolist()):
                raise DataError(
                    f"observed has the lengths {x.lengths.tolist()[:8]} of the sequences",
                    received=f"{lengths[:8]}",
                )
        mask = observed.values if isinstance(observed, Ragged) else observed
        if not isinstance(mask, Tensor):
            raise DataError(
                "To score, observed is a mask over x that is True where it is known",
                received=type(observed).__name__,
                remedy=_MASK_OF_SEQUENCES if self.space.ragged else _MASK_OF_ARRAYS,
            )
        data = x.values if isinstance(x, Ragged) else x
        shapes = (data.shape,) if isinstance(x, Ragged) else (data.shape, data.shape[1:])
        if mask.dtype is not torch.bool or mask.shape not in shapes:
            raise DataError(
                f"observed is a boolean mask of shape {' or '.join(str(list(s)) for s in shapes)}",
                received=f"{mask.dtype} of shape {list(mask.shape)}",
                remedy="Of sequences give Ragged(mask, lengths).",
            )
        return mask.to(data.device).expand(data.shape)
