"""ZooClassifier: any classifier of the zoo as an estimator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, final

import numpy as np
import torch
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.joint import JointModel
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.space import Kind
from zoo_plugin_sklearn import tables
from zoo_plugin_sklearn.density import log_density
from zoo_plugin_sklearn.estimator import ZooEstimator
from zoo_plugin_sklearn.labels import Labels
from zoo_plugin_sklearn.provision import learns_more, provided
from zoo_plugin_sklearn.refusals import ParameterError, as_value_errors, of_table


@final
class ZooClassifier(ClassifierMixin, ZooEstimator):
    """A classifier of rows, p(y | x), by any Classifier: `ZooClassifier("classical/gaussian-nb")`.

    Labels are of any type. `unknown_label` marks rows of `y` whose class nobody knows, which
    models of p(x, y) learn from all the same (semi-supervised); None: all are known. The other
    parameters are those of every ZooEstimator. Classes that are texts become the names of the
    model's conditions, so that the saved model knows them.

    A model of p(x, y) also scores rows by log p(x) (`score_samples`) and draws rows with their
    classes (`sample`).
    """

    _interface: ClassVar[type[Model]] = Classifier

    def __init__(
        self,
        architecture: str,
        *,
        unknown_label: Any = None,
        config: Mapping[str, Any] | None = None,
        fit_options: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
        device: str = "cpu",
    ) -> None:
        super().__init__(
            architecture,
            config=config,
            fit_options=fit_options,
            random_state=random_state,
            device=device,
        )
        self.unknown_label = unknown_label

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit a fresh model to rows `X [n, features]` of classes `y [n]`.

        Row i counts `sample_weight[i]` times; one of weight 0 is as if it had never been there.
        """
        data, target = tables.checked_pair(self, X, y, self._family(), reset=True)
        weight, data, (target,) = tables.weighted_rows(sample_weight, data, target)
        labels = Labels.of(target, self.unknown_label)
        codes = labels.codes(target)
        conditioner = labels.conditioner(missing=bool((codes < 0).any()))
        self._fit_model(data, torch.from_numpy(codes), weight, conditioner=conditioner)
        self.classes_ = labels.classes
        return self

    @available_if(learns_more)
    def partial_fit(
        self, X: Any, y: Any = None, classes: Any = None, sample_weight: Any = None
    ) -> Self:
        """Learn more rows beside those that the model knows, as if all had come at once.

        `classes` names all classes at the first call. What follows from data, such as levels of
        categories, follows from the first rows unless `config` says it. Raises ValueError for a
        class that wasn't named; a row that is refused changes nothing.
        """
        first = "model_" not in vars(self)
        data, target = tables.checked_pair(self, X, y, self._family(), reset=first)
        labels = self._told(classes)
        weight, data, (target,) = tables.weighted_rows(sample_weight, data, target)
        condition = torch.from_numpy(labels.codes(target))
        with as_value_errors(), of_table(data):
            model: Any = self._model() if not first else self._fresh(data, condition, labels)
            x = tables.tensor(data, model.space, model.device)
            report = model.partial_fit(x, condition=condition, weight=weight)
        self.model_, self.fit_report_, self.classes_ = model, report, labels.classes
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Give the most probable class of each row, `[n]`."""
        codes = self._log_proba(X).argmax(1)
        return self.classes_[codes.cpu().numpy()]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Give p(y | x), `[n, classes]`, classes in the order of `classes_`."""
        return tables.array(self._log_proba(X).exp())

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Give log p(y | x) in nats, `[n, classes]`."""
        return tables.array(self._log_proba(X))

    @available_if(provided(JointModel))
    def score_samples(self, X: Any) -> np.ndarray:
        """Give log p(x) of each row in nats, its class unknown."""
        return log_density(self, X)

    @available_if(provided(JointModel, Generator))
    def sample(self, n_samples: int = 1, random_state: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Draw rows `[n_samples, features]` with their classes `[n_samples]`."""
        x, y = self._model().sample_joint(n_samples, rng=self._generator(random_state))
        return tables.array(x), self.classes_[y.cpu().numpy()]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # The score that scikit-learn asks for is on blobs, of which amounts and bits say little.
        family = self._family()
        amounts = family.kind is Kind.REAL and not family.negative
        tags.classifier_tags.poor_score = amounts or family.kind in (Kind.BINARY, Kind.COUNT)
        return tags

    def _adopt(self, model: Any) -> None:
        names = dict(model.conditioner.config).get("names")
        self.classes_ = np.arange(model.classes) if names is None else np.array(names)

    def _told(self, classes: Any) -> Labels:
        """Give the classes of a partial fit: those of the first call."""
        known = vars(self).get("classes_")
        named = known if classes is None else np.unique(classes)
        if named is None or (known is not None and not np.array_equal(named, known)):
            raise ParameterError(
                "partial_fit is told all classes at the first call, and no others later",
                received="none" if named is None else ", ".join(map(str, named)),
                remedy="Pass classes=np.unique(y) of all rows.",
            )
        return Labels(named)

    def _fresh(self, data: Any, condition: torch.Tensor, labels: Labels) -> Model:
        conditioner = labels.conditioner(missing=False)
        return self._build_model(data, condition, conditioner=conditioner)[0].eval()

    def _log_proba(self, X: Any) -> torch.Tensor:
        x = self._samples(X)
        with torch.no_grad():
            return self._model().log_class_prob(x)
