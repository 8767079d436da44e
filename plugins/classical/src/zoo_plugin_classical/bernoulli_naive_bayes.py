"""BernoulliNaiveBayes: zeros and ones that are independent given the class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, final

import pydantic
import torch
from torch.nn.functional import logsigmoid

import zoo_core as zoo
from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.space import Kind
from zoo_plugin_classical.bernoulli_stack import BernoulliStack
from zoo_plugin_classical.coded_space import binary_fields, check_codes
from zoo_plugin_classical.naive_bayes import NaiveBayes, NaiveBayesConfig
from zoo_plugin_classical.taught_stack import TaughtCounts

if TYPE_CHECKING:
    from zoo_plugin_classical.logistic_regression import LogisticRegression


@final
class BernoulliNaiveBayesConfig(NaiveBayesConfig):
    """Fields of Bernoulli naive Bayes, beside those of every naive Bayes model.

    space: binary samples, of which entries may be missing (−1). alpha: what is added to the
    counts of zeros and of ones, in each class.
    """

    alpha: pydantic.NonNegativeFloat = 1.0

    @pydantic.model_validator(mode="after")
    def _binary(self) -> Self:
        check_codes(self.space, "Bernoulli naive Bayes models", Kind.BINARY)
        return self


@final
class BernoulliNaiveBayes(NaiveBayes):
    """p(x | y) = Π_j p_yj^{x_j} (1 − p_yj)^{1 − x_j} (McCallum & Nigam 1998, eqs. 1 and 2).

    The most probable p under the prior Beta(1 + α, 1 + α).
    """

    architecture: ClassVar[str] = "classical/bernoulli-nb"
    Config: ClassVar[type[zoo.Config]] = BernoulliNaiveBayesConfig

    config: BernoulliNaiveBayesConfig

    def _taught(self, k: int) -> TaughtCounts:
        return TaughtCounts(BernoulliStack(k, self.space, self.config.alpha))

    @classmethod
    def _fields_for_data(cls, data: Any, condition: Any, fields: dict[str, Any]) -> dict[str, Any]:
        return super()._fields_for_data(data, condition, binary_fields(data, fields))

    @torch.no_grad()
    def as_linear(self) -> LogisticRegression:
        """Give the linear classifier whose logits are this model's log-odds.

        log p(y | x) = Σ_j x_j log p_yj/(1 − p_yj) + log p(y) + Σ_j log (1 − p_yj) + constant.
        Raises UnsupportedError where values may be missing.
        """
        from zoo_plugin_classical.logistic_regression import LogisticRegression

        if self.space.missing:
            raise UnsupportedError(
                "Log-odds are linear where no value is missing", received=self.space
            )
        weight = self.taught.stack.logits
        bias = self.class_log_prior + logsigmoid(-weight).sum(1)
        return LogisticRegression.of(
            weight, bias, space=self.space, conditioner=self.config.conditioner
        )
