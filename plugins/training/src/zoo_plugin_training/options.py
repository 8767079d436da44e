"""What `model.fit` takes: options, typed and validated at once."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self, final

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from zoo_core.config import Config
from zoo_core.errors import ConfigError, OptionError
from zoo_core.interfaces.synonyms import remedy_for
from zoo_plugin_training.trackers import Tracker

_BESIDE = ("condition", "weight", "valid", "rng")
"""What `fit` takes beside options."""


@final
class Schedule(StrEnum):
    """How the learning rate goes on after the warm-up: `constant`, or `cosine` decay to zero."""

    CONSTANT = "constant"
    COSINE = "cosine"


@final
class Progress(StrEnum):
    """`auto`: a bar on a terminal, else plain lines, both on stderr; `none`: silence."""

    AUTO = "auto"
    NONE = "none"


@final
class Precision(StrEnum):
    """`float32`, or `bf16`: matrix products and convolutions of the loss in bfloat16.

    With `bf16` torch's autocast chooses, operation by operation, what is done in bfloat16; the
    weights, their gradients, the optimiser, the mean over rows and the held-out figure stay in
    float32.
    """

    FLOAT32 = "float32"
    BF16 = "bf16"


@final
class EngineName(StrEnum):
    """How several processes share a run, under torchrun.

    `ddp`: each holds the whole model, gradients are averaged (DistributedDataParallel). `fsdp`:
    each holds a part of the weights and of the optimiser's state (FSDP2), for models larger than
    a device. `auto`: `ddp` where there are several processes.
    """

    AUTO = "auto"
    DDP = "ddp"
    FSDP = "fsdp"


@final
class ObjectiveOptions(Config):
    """What one objective does otherwise than the others; what is left out is as for all.

    `steps` are those of its optimiser in each round. `warm_up` counts them.
    """

    learning_rate: PositiveFloat | None = None
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    schedule: Schedule | None = None
    warm_up: Annotated[int, Field(ge=0)] | None = None
    clip_norm: PositiveFloat | None = None
    steps: PositiveInt | None = None


@final
class FitOptions(Config):
    """Options of the training loop.

    How long: `steps` or `epochs`, 1000 steps if neither; batches have `batch_size` rows. A step
    is a round through the model's objectives; most models have one. Each batch goes through the
    model in `accumulate` parts, whose gradients add up: for batches larger than memory.

    Optimiser: AdamW (Adam where `weight_decay` is 0), the gradient's norm clipped to `clip_norm`,
    the learning rate warmed up linearly over `warm_up` steps and then following `schedule`;
    `objectives` has what is otherwise for the objective of a name. `ema` is the decay of an
    exponential moving average of the weights, which is what is then validated and kept.

    The held-out figure is taken every `evaluate_every` steps, by default 50 times a run
    (less often where that would cost more than a fifth of the time); after `patience` evaluations
    without a better one training stops. `keep_preprocessing` leaves the map from data to network
    space as it is instead of fitting it to the data: for training on from trained weights.

    `out` is a folder for checkpoints and figures; `resume` goes on from the checkpoint that is
    there, or begins where there is none. Checkpoints are written every `checkpoint_every` steps;
    by default at each evaluation, and at least every three minutes (less often where it would
    cost more than a twentieth of the time), and always at the end and at an interrupt. `track`
    names a tracker that gets the figures too.
    """

    steps: PositiveInt | None = None
    epochs: PositiveFloat | None = None
    batch_size: PositiveInt = 256
    learning_rate: PositiveFloat = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Schedule = Schedule.COSINE
    warm_up: Annotated[int, Field(ge=0)] = 0
    clip_norm: PositiveFloat | None = None
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    evaluate_every: PositiveInt | None = None
    patience: PositiveInt | None = None
    keep_preprocessing: bool = False
    accumulate: PositiveInt = 1
    precision: Precision = Precision.FLOAT32
    engine: EngineName = EngineName.AUTO
    objectives: Mapping[str, ObjectiveOptions] = {}
    out: Path | None = None
    resume: bool = False
    checkpoint_every: PositiveInt | None = None
    progress: Progress = Progress.AUTO
    track: Tracker | None = None

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.steps is not None and self.epochs is not None:
            raise ValueError("give steps or epochs, not both")
        return self

    @model_validator(mode="after")
    def _folder(self) -> Self:
        if self.out is None and (self.resume or self.checkpoint_every is not None):
            raise ValueError("resume and checkpoint_every need the folder out")
        return self

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Self:
        """Validate what a person gave to `fit`; raises OptionError naming each wrong option."""
        try:
            return cls.parse(options)
        except ConfigError as error:
            rule = error.rule.replace(cls.__qualname__, "fit", 1)
            known = [*cls.model_fields, *_BESIDE]
            unknown = [name for name in options if name not in cls.model_fields]
            remedy = remedy_for(unknown[0], known) if unknown else error.remedy
            raise OptionError(rule, received=error.received, remedy=remedy) from None

    def total_steps(self, steps_per_epoch: float) -> int:
        """Give the number of steps of the whole run."""
        if self.steps is not None:
            return self.steps
        return 1000 if self.epochs is None else max(1, round(self.epochs * steps_per_epoch))

    def evaluation_interval(self, total: int, held_out_batches: int) -> int:
        """Give the number of steps between two evaluations.

        A batch that is only scored costs about a third of a training step.
        """
        if self.evaluate_every is not None:
            return self.evaluate_every
        return min(total, max(-(-total // 50), 2 * held_out_batches))
