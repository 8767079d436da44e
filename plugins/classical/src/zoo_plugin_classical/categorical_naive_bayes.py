"""CategoricalNaiveBayes: codes that are independent given the class."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import pydantic

import zoo_core as zoo
from zoo_core.interfaces.space import Kind
from zoo_plugin_classical.categorical_stack import CategoricalStack
from zoo_plugin_classical.coded_space import check_codes, coded_fields
from zoo_plugin_classical.naive_bayes import NaiveBayes, NaiveBayesConfig
from zoo_plugin_classical.taught_stack import TaughtCounts


@final
class CategoricalNaiveBayesConfig(NaiveBayesConfig):
    """Fields of categorical naive Bayes, beside those of every naive Bayes model.

    space: codes, ordered or not, of which entries may be missing (−1). alpha: what is added to
    each code's count, in each class.
    """

    alpha: pydantic.NonNegativeFloat = 1.0

    @pydantic.model_validator(mode="after")
    def _codes(self) -> Self:
        kinds = (Kind.CATEGORICAL, Kind.ORDINAL, Kind.BINARY)
        check_codes(self.space, "categorical naive Bayes models", *kinds)
        return self


@final
class CategoricalNaiveBayes(NaiveBayes):
    """p(x | y) = Π_j p_yj(x_j), a probability for each code of each entry.

    The most probable p under the prior Dirichlet(1 + α, …, 1 + α) (Murphy 2012, section 3.5.1.2).
    """

    architecture: ClassVar[str] = "classical/categorical-nb"
    Config: ClassVar[type[zoo.Config]] = CategoricalNaiveBayesConfig

    config: CategoricalNaiveBayesConfig

    def _taught(self, k: int) -> TaughtCounts:
        return TaughtCounts(CategoricalStack(k, self.space, self.config.alpha))

    @classmethod
    def _fields_for_data(cls, data: Any, condition: Any, fields: dict[str, Any]) -> dict[str, Any]:
        return super()._fields_for_data(data, condition, coded_fields(data, fields))
