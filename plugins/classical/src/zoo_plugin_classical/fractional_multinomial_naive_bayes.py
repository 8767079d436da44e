"""FractionalMultinomialNaiveBayes: multinomial naive Bayes' rule for tf-idf and the like."""

from __future__ import annotations

from typing import ClassVar, final

from torch import Tensor

import zoo_core as zoo
from zoo_plugin_classical.counted_parts import IMPOSSIBLE
from zoo_plugin_classical.term_classifier import TermClassifier, TermClassifierConfig


@final
class FractionalMultinomialNaiveBayesConfig(TermClassifierConfig):
    """Fields of the classifier: those of every classifier of amounts."""


@final
class FractionalMultinomialNaiveBayes(TermClassifier):
    """p(y | x) ∝ p(y) Π_j θ_yj^{x_j} of amounts x that needn't be whole.

    θ_yj = (Σ x_j + α)/(Σ_j Σ x_j + α d) over rows of class y: what scikit-learn's MultinomialNB
    does with fractions (Rennie et al. 2003, section 4, give them). A heuristic rule, which is no
    model of x; that of counts is `classical/multinomial-nb`.
    """

    architecture: ClassVar[str] = "classical/fractional-multinomial-nb"
    Config: ClassVar[type[zoo.Config]] = FractionalMultinomialNaiveBayesConfig

    config: FractionalMultinomialNaiveBayesConfig

    def _weights(self, rows: Tensor, totals: Tensor) -> tuple[Tensor, Tensor]:
        smoothed = (totals + self.config.alpha).clamp_min(IMPOSSIBLE)
        weight = smoothed.log() - smoothed.sum(1, keepdim=True).log()
        # A class without rows has the probability 0.
        return weight, (rows / rows.sum()).log()
