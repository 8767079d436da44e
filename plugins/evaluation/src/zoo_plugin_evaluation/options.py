"""The options of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from pydantic import PositiveInt

from zoo_core.config import Config, FrozenDict
from zoo_core.errors import ConfigError, OptionError
from zoo_plugin_evaluation.features import Features
from zoo_plugin_evaluation.likelihood import Likelihood


@final
class EvaluationOptions(Config):
    """How figures are measured.

    `draws`: how often a stochastic likelihood (dequantisation, a bound) is drawn for each row.
    `batch_size`: rows that are scored or drawn at once. `samples`: how many samples are drawn;
    None: as many as there are rows, at most 10,000. `neighbours`: k of precision, recall, density
    and coverage; None: that of their papers. `likelihood`: of a model that gives several, which
    is measured, and samples are drawn likewise; None: the marginal. `log_prob` and `sample`: the
    model's own options.
    """

    draws: PositiveInt = 16
    batch_size: PositiveInt = 1024
    samples: PositiveInt | None = None
    neighbours: PositiveInt | None = None
    likelihood: Likelihood | None = None
    log_prob: FrozenDict = FrozenDict()
    sample: FrozenDict = FrozenDict()

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> tuple[EvaluationOptions, Features | None]:
        """Check options; `features`, which is a function, is given apart. Raises OptionError."""
        fields = dict(given)
        features = fields.pop("features", None)
        try:
            parsed = cls.parse(fields)
        except ConfigError as error:
            raise OptionError(error.rule, received=error.received, remedy=error.remedy) from None
        return parsed, None if features is None else Features.of(features)
