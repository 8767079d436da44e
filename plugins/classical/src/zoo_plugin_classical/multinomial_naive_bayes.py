"""MultinomialNaiveBayes: counts, such as those of a text's words, given the class."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import pydantic
from torch import Tensor

import zoo_core as zoo
from zoo_core.interfaces.space import Kind
from zoo_plugin_classical.coded_space import check_codes, count_fields
from zoo_plugin_classical.multinomial_stack import MultinomialStack
from zoo_plugin_classical.naive_bayes import NaiveBayes, NaiveBayesConfig
from zoo_plugin_classical.taught_stack import TaughtCounts


@final
class MultinomialNaiveBayesConfig(NaiveBayesConfig):
    """Fields of multinomial naive Bayes, beside those of every naive Bayes model.

    space: counts, of which entries may be missing (−1). alpha: what is added to each entry's
    count, in each class.
    """

    alpha: pydantic.NonNegativeFloat = 1.0

    @pydantic.model_validator(mode="after")
    def _counts(self) -> Self:
        check_codes(self.space, "multinomial naive Bayes models", Kind.COUNT)
        return self


@final
class MultinomialNaiveBayes(NaiveBayes):
    """p(x | y) of counts with shares θ_y, and a total whose law is that of all classes.

    McCallum & Nigam 1998, eq. 3, whose length is a Poisson's here, so that the model is a
    probability of whole rows: entries are independent Poissons of rate λ θ_yj. The probabilities
    of classes are those of scikit-learn's MultinomialNB. For fractions, such as tf-idf, use
    `classical/fractional-multinomial-nb`.
    """

    architecture: ClassVar[str] = "classical/multinomial-nb"
    Config: ClassVar[type[zoo.Config]] = MultinomialNaiveBayesConfig

    config: MultinomialNaiveBayesConfig

    def _taught(self, k: int) -> TaughtCounts:
        return TaughtCounts(MultinomialStack(k, self.space, self.config.alpha))

    def _log_prob_ratios(self, z: Any, call: zoo.Call) -> Tensor:
        del call
        return self.taught.stack.log_ratios(z)

    @classmethod
    def _fields_for_data(cls, data: Any, condition: Any, fields: dict[str, Any]) -> dict[str, Any]:
        return super()._fields_for_data(data, condition, count_fields(data, fields))
