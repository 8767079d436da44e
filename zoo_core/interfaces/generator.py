"""Generator: a model that makes samples."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, final

import torch
from jaxtyping import Shaped
from torch import Tensor

from zoo_core.config import Config
from zoo_core.errors import DataError, DefinitionError, UnsupportedError
from zoo_core.interfaces.call import Call, NoOptions, Observed
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.guidance import BoundGuidance, Guidance, bind_all
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.randomness import child_rng

DEFAULT_BATCH_SIZE = 1024
"""Rows that are drawn at once unless the caller says otherwise; fixed, since draws depend on it."""

_BESIDE = ("n", "condition", "observed", "guidance", "lengths", "rng", "batch_size")


class Generator(Model, interface=True):
    """A model that makes samples; a plugin implements `_sample(n, call)`."""

    SampleOptions: ClassVar[type[Config]] = NoOptions
    guides: ClassVar[bool] = False
    """Whether samples can be led (`guidance=`)."""
    _compilable: ClassVar[tuple[str, ...]] = ("_sample",)

    @final
    def sample(
        self,
        n: int,
        *,
        condition: Any = None,
        observed: Observed | None = None,
        guidance: Sequence[Guidance] = (),
        lengths: Any = None,
        rng: torch.Generator | None = None,
        batch_size: int = DEFAULT_BATCH_SIZE,
        **options: Any,
    ) -> Shaped[Tensor, "n ..."] | Ragged:
        """Draw n samples in data space, `[n, *shape]`.

        The same rng, n and batch_size give the same samples; without rng they are fresh ones. Each
        `batch_size` rows are drawn from a child of it: the first from `zoo.child_rng(rng, device)`.
        `condition` is one for all or one a sample; `observed` fixes a part of each sample;
        `guidance` is a list, first nearest the network; `lengths` says how long sequences are,
        what is observed included; `options` are the model's SampleOptions. Raises ConditionError,
        OptionError, or UnsupportedError for what the model can't do.
        """
        chunks = list(
            self.sample_batches(
                n,
                condition=condition,
                observed=observed,
                guidance=guidance,
                lengths=lengths,
                rng=rng,
                batch_size=batch_size,
                **options,
            )
        )
        if isinstance(chunks[0], Ragged):
            return Ragged.cat([chunk for chunk in chunks if isinstance(chunk, Ragged)])
        return torch.cat([chunk for chunk in chunks if isinstance(chunk, Tensor)])

    @final
    def sample_batches(
        self,
        n: int,
        *,
        condition: Any = None,
        observed: Observed | None = None,
        guidance: Sequence[Guidance] = (),
        lengths: Any = None,
        rng: torch.Generator | None = None,
        batch_size: int = DEFAULT_BATCH_SIZE,
        **options: Any,
    ) -> Iterator[Tensor | Ragged]:
        """Draw n samples in chunks, in bounded memory; joined they are what `sample` gives."""
        self._require(Generator)
        if n < 1 or batch_size < 1:
            raise DataError("n and batch_size are at least 1", received=f"{n} and {batch_size}")
        told = self._told(condition, n)
        known = self._known(observed, n)
        bound = self._bound(guidance, n)
        lengths = self._lengths(lengths, n)
        _require_room(known, lengths)
        parsed = self._options(self.SampleOptions, options, _BESIDE)
        parent = self._rng(rng, default_seed=None)
        return self._chunks(n, batch_size, parent, told, known, bound, lengths, parsed)

    @abstractmethod
    def _sample(self, n: int, call: Call) -> Tensor | Ragged:
        """Draw n samples in network space with `call.rng`."""

    @final
    def _chunks(
        self,
        n: int,
        batch_size: int,
        parent: torch.Generator,
        told: Codes | Context | None,
        known: Observed | None,
        bound: tuple[BoundGuidance, ...],
        lengths: Tensor | None,
        options: Any,
    ) -> Iterator[Tensor | Ragged]:
        """Draw chunk by chunk, each from a child generator of its own."""
        for start in range(0, n, batch_size):
            rows = slice(start, min(start + batch_size, n))
            size = rows.stop - rows.start
            with torch.no_grad():
                call = Call(
                    child_rng(parent, self.device),
                    context=self._encoded(None if told is None else told.take(rows)),
                    observed=None if known is None else known.take(rows),
                    guidance=tuple(one.take(rows) for one in bound),
                    lengths=None if lengths is None else lengths[rows],
                    options=options,
                )
                chunk = self._to_data(self._sample(size, call), size, call)
            yield chunk

    @final
    def _known(self, observed: Observed | None, n: int) -> Observed | None:
        if observed is None:
            return None
        if not self.observes:
            raise UnsupportedError(
                f"{self._name} can't be told a part of the sample",
                received="observed=…",
                remedy="Use a model whose class says `observes`.",
            )
        if not isinstance(observed, Observed):
            raise DataError(
                "What is known of a sample is an Observed",
                received=type(observed).__name__,
                remedy="Give observed=zoo.Observed(values), or Observed(values, mask).",
            )
        return observed.checked(self.space, n, self.device)

    @final
    def _bound(self, guidance: Sequence[Guidance], n: int) -> tuple[BoundGuidance, ...]:
        if guidance and not self.guides:
            raise UnsupportedError(
                f"{self._name} can't be guided",
                received="guidance=…",
                remedy="Use a model whose class says `guides`.",
            )
        return bind_all(guidance, self, n)

    @final
    def _lengths(self, lengths: Any, n: int) -> Tensor | None:
        if lengths is None:
            return None
        if not self.space.ragged:
            raise UnsupportedError(
                f"{self._name} makes arrays, which have no length", received="lengths=…"
            )
        lengths = torch.as_tensor(lengths, dtype=torch.int64, device=self.device)
        if (
            lengths.ndim > 1
            or (lengths.ndim == 1 and len(lengths) != n)
            or bool((lengths < 0).any())
        ):
            raise DataError(
                "lengths is a number, or one for each sample, none negative",
                received=f"shape {list(lengths.shape)} for {n} samples",
            )
        return lengths.expand(n)

    @final
    def _to_data(self, z: Tensor | Ragged, n: int, call: Call) -> Tensor | Ragged:
        """Map samples to data space, check what the plugin made, put the observed values in."""
        values = z.values if isinstance(z, Ragged) else z
        if len(z) != n or tuple(values.shape[1:]) != self.space.shape:
            raise DefinitionError(
                f"{type(self).__name__}._sample gives {n} rows of shape {list(self.space.shape)}",
                received=f"{len(z)} of shape {list(values.shape[1:])}",
            )
        if isinstance(z, Ragged):
            made = Ragged(self._to_codes(z.values), z.lengths)
            known = call.observed
            return self._with_known(made, known) if isinstance(known, Observed) else made
        x = self._to_codes(self.preprocessing.inverse(z))
        if isinstance(call.observed, Observed):
            x = torch.where(call.observed.mask, call.observed.values.to(x.dtype), x)
        return x

    @final
    def _with_known(self, made: Ragged, known: Observed) -> Ragged:
        """Put observed values into the first steps of sequences."""
        lengths = known.values.lengths
        if bool((made.lengths < lengths).any()):
            raise DefinitionError(
                f"{type(self).__name__}._sample gives sequences at least as long as what is known",
                received=f"lengths {made.lengths.tolist()[:8]} for {lengths.tolist()[:8]}",
            )
        ends = lengths.cumsum(0)
        shift = (made.lengths.cumsum(0) - made.lengths) - (ends - lengths)
        steps = torch.arange(len(known.values.values), device=lengths.device)
        places = (steps + torch.repeat_interleave(shift, lengths))[known.mask.values]
        values = made.values.clone()
        values[places] = known.values.values[known.mask.values].to(values.dtype)
        return Ragged(values, made.lengths)

    @final
    def _to_codes(self, x: Tensor) -> Tensor:
        return x.to(torch.int64) if self.space.kind.discrete else x


def _require_room(known: Observed | None, lengths: Tensor | None) -> None:
    """Refuse sequences that are shorter than what is observed of them."""
    if known is None or lengths is None:
        return
    told = known.values.lengths
    if bool((lengths < told).any()):
        row = int((lengths < told).nonzero()[0])
        raise DataError(
            "lengths is the whole length of a sequence, what is observed of it included",
            received=f"{int(lengths[row])} for {int(told[row])} observed steps",
            remedy="Add the lengths of what is observed, or observe fewer steps.",
        )
