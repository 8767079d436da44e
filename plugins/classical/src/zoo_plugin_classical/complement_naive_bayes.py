"""ComplementNaiveBayes: a class is judged by the rows of all others."""

from __future__ import annotations

from typing import ClassVar, final

from torch import Tensor

import zoo_core as zoo
from zoo_plugin_classical.counted_parts import IMPOSSIBLE
from zoo_plugin_classical.term_classifier import TermClassifier, TermClassifierConfig


@final
class ComplementNaiveBayesConfig(TermClassifierConfig):
    """Fields of complement naive Bayes, beside those of every classifier of amounts.

    norm: whether the weights of a class are divided by the sum of their sizes, so that no class
    whose words hang together is preferred (Rennie et al. 2003, section 3.2).
    """

    norm: bool = False


@final
class ComplementNaiveBayes(TermClassifier):
    """w_yj = −log θ̃_yj, θ̃_y the shares of entries in all classes but y.

    Rennie et al. 2003, eqs. 6 to 8 and table 4; for classes of unequal size. Its scores are no
    log-probabilities of a model; p(y | x) is their softmax, as in scikit-learn, which leaves the
    classes' weights out too (unless there is one class alone).
    """

    architecture: ClassVar[str] = "classical/complement-nb"
    Config: ClassVar[type[zoo.Config]] = ComplementNaiveBayesConfig

    config: ComplementNaiveBayesConfig

    def _weights(self, rows: Tensor, totals: Tensor) -> tuple[Tensor, Tensor]:
        others = (totals.sum(0) - totals + self.config.alpha).clamp_min(IMPOSSIBLE)
        weight = others.sum(1, keepdim=True).log() - others.log()
        if self.config.norm:
            size = weight.abs().sum(1, keepdim=True)
            weight = weight / size.where(size > 0, 1.0)
        return weight, rows.new_zeros(len(rows))
