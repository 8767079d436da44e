"""ZooEstimator: what all estimators over a model of the zoo share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self, final

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from zoo_core.interfaces.fitting import FitReport
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.randomness import rng
from zoo_core.interfaces.space import Kind
from zoo_core.registry.architectures import resolve
from zoo_plugin_sklearn import parameters, tables
from zoo_plugin_sklearn.construction import Construction
from zoo_plugin_sklearn.family import Family
from zoo_plugin_sklearn.pickled_model import PickledModel
from zoo_plugin_sklearn.refusals import ParameterError, as_value_errors, of_table

_SEEDS = np.iinfo(np.int32).max


class ZooEstimator(BaseEstimator, ABC):
    """A model of the zoo behind scikit-learn's conventions.

    `architecture` is a name such as classical/gmm; `config` gives fields of its configuration, as
    zoo.create takes them: what follows from data (`space`, classes) may be left out. `fit_options`
    are those of the model's `fit`, `start` among them. The entries of both are parameters too,
    `config__n_components`, for set_params and searches. `random_state` is scikit-learn's; a
    model's generators are seeded from it. `device` is torch's name of where the model works.

    A fitted estimator has `model_`, the model itself, and `fit_report_`. Data of float32 are
    fitted in float32, all others in float64. Raises ValueErrors for bad data and parameters.
    """

    _interface: ClassVar[type[Model]]
    """What the model must provide."""

    n_features_in_: int
    feature_names_in_: np.ndarray
    model_: Any
    fit_report_: FitReport

    def __init__(
        self,
        architecture: str,
        *,
        config: Mapping[str, Any] | None = None,
        fit_options: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
        device: str = "cpu",
    ) -> None:
        self.architecture = architecture
        self.config = config
        self.fit_options = fit_options
        self.random_state = random_state
        self.device = device

    @abstractmethod
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit a fresh model to rows `X [n, features]`; what was fitted before is forgotten."""

    @classmethod
    @final
    def from_model(cls, model: Model, **params: Any) -> Self:
        """Give a fitted estimator of a model that is there already, loaded or trained elsewhere.

        Its configuration becomes `config`, without the classes, so that `fit` fits a fresh one;
        `params` are the other parameters. Raises ParameterError for a model of another kind, or
        of sequences, which are no rows of a table.
        """
        if model.space.ragged:
            raise ParameterError(
                "The rows of X have one size", received=f"a model of {model.space}"
            )
        fields = model.config.to_json()
        fields.pop("conditioner", None)
        estimator = cls(model.architecture, config=fields, device=str(model.device), **params)
        there = cls._interface in model.provides
        estimator._require(there=there, architecture=model.architecture)
        estimator.n_features_in_ = model.space.size
        if model.space.kind is Kind.MIXED and model.space.columns is not None:
            estimator.feature_names_in_ = np.array(model.space.columns, dtype=object)
        estimator.model_ = model
        estimator._adopt(model)
        return estimator

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give the parameters; with `deep`, the fields of the configuration and options too."""
        params = super().get_params(deep)
        if deep:
            fields = parameters.defaults(params["architecture"])
            params |= parameters.entries("config", fields)
            for name in parameters.MAPPINGS:
                params |= parameters.entries(name, params[name])
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, `config__field` and `fit_options__option` among them.

        Whether the architecture has such a field is known when it is fitted.
        """
        own, inner = parameters.split(params)
        super().set_params(**own)
        for name, entries in inner.items():
            setattr(self, name, {**(getattr(self, name) or {}), **entries})
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        family = self._family()
        tags.input_tags.allow_nan = family.missing
        tags.input_tags.positive_only = not family.negative
        tags.input_tags.categorical = family.kind is not None and family.kind.discrete
        return tags

    def __getstate__(self) -> dict[str, Any]:
        held: Any = super().__getstate__()
        state = dict(held)
        if "model_" in state:
            state["model_"] = PickledModel.of(state["model_"])
        return state

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        restored = dict(state)
        if "model_" in restored:
            restored["model_"] = restored["model_"].model()
        super().__setstate__(restored)

    def _adopt(self, model: Model) -> None:
        """Set the fitted attributes of a model that was given."""

    @final
    def _family(self) -> Family:
        model = vars(self).get("model_")
        known = model is not None and model.architecture == self.architecture
        # Finding a name in the registry takes a millisecond, each call of predict.
        return Family.of(type(model) if known else self.architecture, self.config)

    @final
    def _require(self, *, there: bool, architecture: str) -> None:
        """Refuse a model without the interface that this estimator is for."""
        if not there:
            name = self._interface.__name__
            raise ParameterError(
                f"{type(self).__name__} takes a model that is a {name}",
                received=architecture,
                remedy=f"Run: zoo list --architectures --provides {name}",
            )

    @final
    def _model_class(self) -> type[Model]:
        if not isinstance(self.architecture, str):
            raise ParameterError(
                "architecture is a name such as classical/gmm", received=self.architecture
            )
        return resolve(self.architecture)

    @final
    def _columns(self) -> np.ndarray | None:
        """Give the names of the features, where X had names."""
        return vars(self).get("feature_names_in_")

    @final
    def _adopted_columns(self) -> tuple[str, ...] | None:
        """Give the names that a model brought along, which wasn't fitted here."""
        fitted_here = not {"fit_report_", "feature_names_in_"}.isdisjoint(vars(self))
        return None if fitted_here else self.model_.space.columns

    @final
    def _build_model(self, data: Any, condition: Tensor | None, **fields: Any) -> tuple[Model, int]:
        """Build an untrained model for checked rows, and draw a seed for its fit.

        `fields` of the configuration hold where `config` has no others.
        """
        given = {**fields, **(self.config or {})}
        seeds = check_random_state(self.random_state).randint(_SEEDS, size=2).tolist()
        plan = Construction(self.architecture, given, seeds[0], self.device)
        with as_value_errors():
            there = issubclass(self._model_class(), self._interface)
            self._require(there=there, architecture=self.architecture)
            model = plan.model(data, condition, self._columns())
        return model, seeds[1]

    @final
    def _fit_model(
        self, data: Any, condition: Tensor | None, weight: np.ndarray | None, **fields: Any
    ) -> None:
        """Build a model and fit it; what fails leaves the model that was there."""
        with as_value_errors(), of_table(data):
            model, seed = self._build_model(data, condition, **fields)
            report = model.fit(
                tables.tensor(data, model.space, self.device),
                condition=condition,
                weight=weight,
                rng=rng(seed),
                **(self.fit_options or {}),
            )
        self.model_, self.fit_report_ = model.eval(), report

    @final
    def _samples(self, X: Any) -> Tensor:
        """Check rows that a fitted model is asked about, and give them as it takes them."""
        model = self._model()
        space, family = model.space, self._family()
        X = tables.ordered(X, self._adopted_columns())
        known = replace(family, missing=family.missing or space.missing)
        data = tables.checked(self, X, known)
        with as_value_errors():
            return tables.tensor(data, space, model.device)

    @final
    def _model(self) -> Any:
        """Give the fitted model, on the device where it is to work."""
        if "model_" not in vars(self):
            check_is_fitted(self, "model_")
        here = self.model_.device == torch.device(self.device)
        return self.model_ if here else self.model_.to(self.device)

    @final
    def _generator(self, random_state: Any) -> torch.Generator:
        """Make a generator from scikit-learn's kind of randomness: an argument's, else ours."""
        chosen = self.random_state if random_state is None else random_state
        return rng(int(check_random_state(chosen).randint(_SEEDS)))
