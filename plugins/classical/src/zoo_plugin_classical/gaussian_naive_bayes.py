"""GaussianNaiveBayes: entries that are normal and independent given the class."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, final

import pydantic
import torch

import zoo_core as zoo
from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.space import Kind
from zoo_plugin_classical.naive_bayes import NaiveBayes, NaiveBayesConfig
from zoo_plugin_classical.normal_stack import NormalStack, Smoothing
from zoo_plugin_classical.taught_stack import TaughtMoments

if TYPE_CHECKING:
    from zoo_plugin_classical.logistic_regression import LogisticRegression


@final
class GaussianNaiveBayesConfig(NaiveBayesConfig):
    """Fields of Gaussian naive Bayes, beside those of every naive Bayes model.

    space: real samples, of which entries may be missing (NaN). var_smoothing: what is added to all
    variances, as a share of what `smoothing` says. shared_variance: whether an entry's variance is
    the same in all classes, so that the log-odds of classes are linear.
    """

    var_smoothing: pydantic.NonNegativeFloat = 1e-9
    smoothing: Smoothing = Smoothing.LARGEST
    shared_variance: bool = False

    @pydantic.model_validator(mode="after")
    def _real(self) -> Self:
        if self.space.kind is not Kind.REAL or self.space.ragged or not self.space.size:
            raise ValueError("Gaussian naive Bayes is a model of real arrays of one shape")
        return self


@final
class GaussianNaiveBayes(NaiveBayes):
    """p(x | y) = Π_j N(x_j; μ_yj, σ_yj²) (Hastie, Tibshirani & Friedman 2009, section 6.6.3).

    Means and variances are those of the class, smoothed as scikit-learn's are: the maximum of
    the likelihood of rows with noise of variance ε, by which `fit` reports `log_likelihood`. A
    class that knows nothing of an entry has the mean and variance of all rows.
    """

    architecture: ClassVar[str] = "classical/gaussian-nb"
    Config: ClassVar[type[zoo.Config]] = GaussianNaiveBayesConfig

    config: GaussianNaiveBayesConfig

    def _taught(self, k: int) -> TaughtMoments:
        c = self.config
        stack = NormalStack(
            *(k, self.space, c.var_smoothing, c.smoothing), shared=c.shared_variance
        )
        return TaughtMoments(stack, missing=self.space.missing)

    @torch.no_grad()
    def as_linear(self) -> LogisticRegression:
        """Give the linear classifier whose logits are this model's log-odds.

        With variances σ_j² that classes share, log p(y | x) = Σ_j μ_yj x_j/σ_j² + log p(y)
        − ½ Σ_j μ_yj²/σ_j² + constant (Hastie, Tibshirani & Friedman 2009, eq. 4.10). Raises
        UnsupportedError where each class has variances of its own, or values may be missing.
        """
        from zoo_plugin_classical.logistic_regression import LogisticRegression

        if not self.config.shared_variance or self.space.missing:
            raise UnsupportedError(
                "Log-odds are linear where classes share their variances and no value is missing",
                received=f"shared_variance={self.config.shared_variance}, {self.space}",
                remedy="Fit a model with shared_variance=True.",
            )
        stack = self.taught.stack
        weight = stack.mean_each() / stack.variance
        bias = self.class_log_prior - 0.5 * (weight * stack.mean_each()).sum(1)
        return LogisticRegression.of(
            weight, bias, space=self.space, conditioner=self.config.conditioner
        )
