"""A recipe: all that is needed to make a model again, and what it should then reach."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, final

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from zoo_core.config import Config, FrozenDict
from zoo_core.interfaces.dataset import Split
from zoo_core.interfaces.documents import Documents
from zoo_core.interfaces.space import Space

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, lt=1)]
Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\n\r]*$")]


@final
class RecipeData(Config):
    """Which rows: the reference as it was typed, the hash of all rows, and how they are read.

    `sha256` is that of the whole data set, whatever the split. With the split `all` the model is
    trained on every row, and its figures are those of the rows that it was trained on. `draws`
    are fresh rows of a toy density in the place of its training split. `mixed` reads columns of
    text as categories. `valid` names other rows to validate on, instead of a share of the same.
    Text is cut into windows of `length` characters, or, of its `documents`, into windows of as
    many tokens where the model has a tokenizer.
    """

    name: Line
    sha256: Sha256 | None = None
    split: Literal[Split.TRAIN, Split.ALL] = Split.TRAIN
    draws: PositiveInt | None = None
    condition: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    weight: str | None = None
    space: Space | None = None
    mixed: bool = False
    length: PositiveInt | None = None
    documents: Documents = Documents.FILE
    valid_share: Share = 0.1
    test_share: Share = 0.1
    valid: Line | None = None

    @model_validator(mode="after")
    def _leaves_rows(self) -> Self:
        if self.valid_share + self.test_share >= 1:
            raise ValueError("valid_share and test_share together leave rows to train on")
        if self.draws is not None and self.split is not Split.TRAIN:
            raise ValueError("draws are fresh rows in the place of the training split")
        return self

    @property
    def tested(self) -> Split:
        """The rows that figures are about: the test split, or all where none were kept apart."""
        return Split.ALL if self.split is Split.ALL else Split.TEST


@final
class ExpectedMetric(Config):
    """A figure that the recipe's model reached, and how far another run may be from it.

    Written by `zoo reproduce --update`, never by hand.
    """

    name: Line
    value: float
    standard_error: NonNegativeFloat | None = None
    tolerance: NonNegativeFloat
    unit: Line | None = None
    split: Line = "test"
    n: PositiveInt | None = None
    kind: Line | None = None
    measure: Line | None = None
    protocol: str = ""
    settings: FrozenDict = FrozenDict()


@final
class RecipeLicenses(Config):
    """SPDX expressions. `data` is the data set's own where it is left out."""

    weights: Line
    code: Line
    data: Line | None = None


@final
class Recipe(Config):
    """A model's making: architecture, configuration, data, training options, seed.

    `config` leaves out what follows from the data (the space, the conditioner of a condition
    column). `init` is the model of the zoo whose weights training began with; it brings the
    configuration. Equal weights come back only at the same number of `threads` and `processes`
    on the same kind of processor: sums in another order round otherwise. `evaluate` names the
    figures to measure; empty, the evaluation chooses.
    """

    recipe: Literal[1]
    architecture: Annotated[str, Field(max_length=100)] = ""
    summary: str = ""
    init: Line | None = None
    config: FrozenDict = FrozenDict()
    data: RecipeData
    fit: FrozenDict = FrozenDict()
    seed: NonNegativeInt = 0
    threads: PositiveInt = 1
    processes: PositiveInt = 1
    evaluate: tuple[Line, ...] = ()
    metrics: tuple[ExpectedMetric, ...] = ()
    minutes: NonNegativeFloat | None = None
    tags: tuple[Line, ...] = ()
    citation: str = ""
    licenses: RecipeLicenses | None = None

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if not self.architecture and self.init is None:
            raise ValueError("give `architecture`, or a model to go on from as `init`")
        return self

    def replaced(self, **fields: Any) -> Recipe:
        """Give a recipe with some fields replaced, validated. Raises ConfigError."""
        return Recipe.parse({**self.to_json(), **fields})
