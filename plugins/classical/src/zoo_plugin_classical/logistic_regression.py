"""LogisticRegression: a linear model of the class given the data, and of nothing else."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.errors import ConfigError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.fitting import FitReport, FitRequest
from zoo_core.interfaces.part import Part, Provides
from zoo_core.interfaces.preprocessing import Dequantize, Step
from zoo_core.interfaces.space import Kind, Space
from zoo_plugin_classical.class_condition import n_classes, told_classes
from zoo_plugin_classical.design_matrix import DesignMatrix, check_linear
from zoo_plugin_classical.logistic_fit import fit_logistic


@final
class LogisticRegressionConfig(zoo.Config):
    """Fields of logistic regression.

    space: what one sample is; categories are weighed level by level, other numbers as they are.
    conditioner: the classes, as core/label makes one-hot vectors of them. penalty: λ of the
    penalty λ/2 · Σ weight² that is added to the summed loss, scikit-learn's 1/C; 0 for none; the
    intercept is free of it. preprocessing: maps of real data before they are weighed; the penalty
    is then one of the weights of what they give.
    """

    space: Space
    conditioner: Annotated[Part, Provides(Conditioner)]
    penalty: pydantic.NonNegativeFloat = 1.0
    preprocessing: tuple[Step, ...] = ()

    @pydantic.model_validator(mode="after")
    def _linear(self) -> Self:
        check_linear(self.space)
        if self.preprocessing and self.space.kind not in (Kind.REAL, Kind.UNIT):
            raise ValueError("preprocessing is for real numbers and those between 0 and 1")
        if any(isinstance(step, Dequantize) for step in self.preprocessing):
            raise ValueError("a classifier has no use for the noise of the step `dequantize`")
        return self


@final
class LogisticRegression(Classifier):
    """p(y | x) = softmax(W x + b) of K classes; of two, σ(w·x + b) is that of the second.

    The discriminative twin of naive Bayes (Ng & Jordan 2002, section 2). Fitted by maximum
    likelihood less an L2 penalty (Hastie, Tibshirani & Friedman 2009, section 4.4): the loss is
    Σ weight · −log p(y | x) + λ/2 · ‖W‖². A row whose class is unknown (−1) has no part in it.
    """

    architecture: ClassVar[str] = "classical/logistic-regression"
    Config: ClassVar[type[zoo.Config]] = LogisticRegressionConfig

    config: LogisticRegressionConfig

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor, *, space: Space, conditioner: Part) -> Self:
        """Make the model with these weights `[K, d]` and biases `[K]`, of the weights' dtype.

        For two classes those of the log-odds of the second alone will do, `[1, d]` and `[1]`.
        Raises ConfigError for other shapes.
        """
        model = cls.create(space=space, conditioner=conditioner).to(weight.device, weight.dtype)
        if model.classes == 2 and len(weight) == len(bias) == 2:
            weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
        if weight.shape != model.weight.shape or bias.shape != model.bias.shape:
            raise ConfigError(
                f"The weights of {model.classes} classes have the shapes "
                f"{list(model.weight.shape)} and {list(model.bias.shape)}",
                received=f"{list(weight.shape)} and {list(bias.shape)}",
            )
        with torch.no_grad():
            model.weight.copy_(weight)
            model.bias.copy_(bias)
        return model

    def _preprocessing(self) -> tuple[Any, ...]:
        return self.config.preprocessing

    def _build(self) -> None:
        self.design = DesignMatrix(self.space)
        outputs = 1 if self.classes == 2 else self.classes
        self.weight = nn.Parameter(torch.zeros(outputs, self.design.width))
        self.bias = nn.Parameter(torch.zeros(outputs))

    @property
    def classes(self) -> int:
        """How many classes there are, K: the conditioner's."""
        return n_classes(self)

    def logits(self, x: Any) -> Float[Tensor, "n classes"]:
        """Give log p(y | x) of each row and class, less a number of the row's, in nats.

        Of two classes the first has 0, so that the second has the log-odds. Raises DataError.
        """
        z, _ = self._to_network(self._checked(x), self._rng(None, default_seed=0), None)
        return self._logits(z)

    def _logits(self, z: Any) -> Float[Tensor, "n classes"]:
        scores = nn.functional.linear(self.design(z, self.dtype), self.weight, self.bias)
        return nn.functional.pad(scores, (1, 0)) if self.classes == 2 else scores

    def _log_class_prob(self, z: Tensor, call: Call) -> Tensor:
        del call
        return self._logits(z).log_softmax(1)

    def _loss(self, batch: zoo.Batch, call: Call) -> Tensor:
        """Give −log p(y | x), without the penalty; 0 where the class is unknown."""
        log_probs = self._logits(batch.x).log_softmax(1)
        return -(told_classes(call.context) * log_probs).sum(1)

    def _fit(self, request: FitRequest) -> FitReport:
        return fit_logistic(self, request)
