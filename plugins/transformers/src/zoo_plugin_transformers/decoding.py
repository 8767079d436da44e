"""Decoding: drawing sequences code by code from what a network expects next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, cast, final

import pydantic
import torch
from jaxtyping import Float, Int
from torch import Tensor

from zoo_core.config import Config
from zoo_core.interfaces.ragged import Ragged
from zoo_plugin_transformers.prompt import Room
from zoo_plugin_transformers.reading import Reader


@final
class DecodingOptions(Config):
    """How codes are chosen; the defaults draw from the model's own distribution.

    temperature: divides the logits; 0 takes the likeliest code. top_k: draws among so many of
    the likeliest. top_p: draws among the likeliest that together have at least this probability
    (Holtzman et al. 2020, section 3.1). Where several are given they apply in this order.
    max_new_tokens: how many codes follow a prompt at most, where no lengths are given and no
    stop code comes before.
    """

    temperature: pydantic.NonNegativeFloat = 1.0
    top_k: pydantic.PositiveInt | None = None
    top_p: Annotated[float, pydantic.Field(gt=0, le=1)] | None = None
    max_new_tokens: pydantic.PositiveInt = 128


Choice = Callable[[Float[Tensor, "n levels"]], Int[Tensor, " n"]]
"""Chooses a code a row by the logits."""


def choice(options: DecodingOptions, rng: torch.Generator) -> Choice:
    """Give what chooses codes, by the library's own rules in its own order."""
    if options.temperature == 0:
        return lambda logits: logits.argmax(-1)
    from transformers import (
        LogitsProcessorList,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    rules = LogitsProcessorList()
    if options.temperature != 1:
        rules.append(TemperatureLogitsWarper(options.temperature))
    if options.top_k is not None:
        rules.append(TopKLogitsWarper(options.top_k))
    if options.top_p is not None and options.top_p < 1:
        rules.append(TopPLogitsWarper(options.top_p))
    # None of these rules looks at the codes so far.
    codes: Any = None

    def drawn(logits: Tensor) -> Tensor:
        chances = rules(codes, cast("Any", logits)).softmax(-1)
        return chances.multinomial(1, generator=rng)[:, 0]

    return drawn


def continuations(reader: Reader, prompts: Ragged, room: Room, choose: Choice) -> Ragged:
    """Draw what follows prompts of at least one step: all rows a step at a time."""
    ends, longest = room.most.clone(), int(room.most.max())
    drawn = prompts.values.new_zeros(len(prompts), longest)
    ones = torch.ones_like(prompts.lengths)
    steps, read = prompts, None
    for t in range(longest):
        logits, read = reader.first(steps) if read is None else reader.further(steps, read)
        drawn[:, t] = choose(logits)
        stopped = torch.isin(drawn[:, t], room.stops) & (t + 1 >= room.least) & (t < ends)
        ends[stopped] = t + 1
        if int(ends.max()) <= t + 1:
            break
        steps = Ragged(drawn[:, t], ones)
    there = torch.arange(longest, device=ends.device) < ends[:, None]
    return Ragged(drawn[there], ends)
