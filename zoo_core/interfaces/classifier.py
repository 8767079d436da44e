"""Classifier: a model that says of which class data are."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, final

from jaxtyping import Float, Int64
from torch import Tensor

from zoo_core.errors import DefinitionError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.model import Model


class Classifier(Model, interface=True):
    """A model of p(y | x), y in 0 … K−1; a plugin implements `classes` and `_log_class_prob`.

    A model of p(x | y) beside it has log p(y | x) = log p(x | y) + log p(y) − log p(x) (Bayes'
    rule): its condition is the class.

    Provisional: it may change until a second family has used it as it is.
    """

    _compilable: ClassVar[tuple[str, ...]] = ("_log_class_prob",)

    @property
    @abstractmethod
    def classes(self) -> int:
        """How many classes there are, K."""

    @final
    def log_class_prob(self, x: Any) -> Float[Tensor, "n classes"]:
        """Give log p(y | x), in nats, for each row of `x [n, *shape]` and class y, `[n, K]`.

        The probabilities of a row add up to 1. Gradients flow through. Raises DataError.
        """
        self._require(Classifier)
        data = self._checked(x)
        generator = self._rng(None, default_seed=0)
        z, _ = self._to_network(data, generator, None)
        log_probs = self._log_class_prob(z, Call(generator))
        if log_probs.shape != (len(data), self.classes):
            raise DefinitionError(
                f"{type(self).__name__}._log_class_prob gives a number a row and class, "
                f"[{len(data)}, {self.classes}]",
                received=f"shape {list(log_probs.shape)}",
            )
        return log_probs

    @final
    def predict_log_proba(self, x: Any) -> Float[Tensor, "n classes"]:
        """Give what `log_class_prob` does, under the name that scikit-learn's users know."""
        return self.log_class_prob(x)

    @final
    def predict_proba(self, x: Any) -> Float[Tensor, "n classes"]:
        """Give p(y | x) for each row of `x [n, *shape]` and class y, `[n, K]`. Raises DataError."""
        return self.log_class_prob(x).exp()

    @final
    def predict(self, x: Any) -> Int64[Tensor, " n"]:
        """Give the most probable class of each row, the first of equals. Raises DataError."""
        return self.log_class_prob(x).argmax(1)

    @abstractmethod
    def _log_class_prob(self, z: Any, call: Call) -> Tensor:
        """Give log p(y | z) in nats, `[n, K]`, z in network space (a Tensor or Ragged)."""
