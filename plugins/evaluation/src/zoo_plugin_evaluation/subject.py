"""Subject: a model and the data that it is measured on, with what several figures share."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.errors import DataError, UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.density import Density, DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.metric import EvaluationRequest
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.randomness import rng
from zoo_core.interfaces.space import Space
from zoo_plugin_evaluation.batches import some_rows
from zoo_plugin_evaluation.class_probs import ClassProbs, class_probs
from zoo_plugin_evaluation.conditions import told
from zoo_plugin_evaluation.features import Features, default_features
from zoo_plugin_evaluation.likelihood import Likelihood, likelihood_of
from zoo_plugin_evaluation.options import EvaluationOptions
from zoo_plugin_evaluation.scores import Scores, density_model, evaluating, score
from zoo_plugin_evaluation.strides import lengths_within, with_stride

MOST = 10_000
"""So many rows and samples are compared, unless `samples` says otherwise."""


@final
class Subject:
    """A model and its data; scores, samples and features are made once, when first asked for.

    Every figure has random numbers of its own from the same seed, so that it does not depend on
    which others are asked for.
    """

    def __init__(self, model: Model, request: EvaluationRequest) -> None:
        self.model = model
        self.request = request
        self.dataset = request.dataset
        options, self._given = EvaluationOptions.of(request.options)
        self.options = with_stride(model, options)
        self.seed = 0 if request.rng is None else request.rng.initial_seed()

    @property
    def generates(self) -> bool:
        """Whether the model makes samples."""
        return isinstance(self.model, Generator) and Generator in self.model.provides

    @property
    def scores_rows(self) -> bool:
        """Whether the model says how likely data are."""
        return isinstance(self.model, DensityModel) and DensityModel in self.model.provides

    @property
    def classifies(self) -> bool:
        """Whether the model says of which class data are, and the data know it."""
        tells = isinstance(self.model, Classifier) and Classifier in self.model.provides
        return tells and self.reference.condition is not None

    @property
    def likelihood(self) -> Likelihood:
        """Which likelihood is measured. Raises UnsupportedError for one that there isn't."""
        return likelihood_of(self.model, self.options.likelihood)

    @cached_property
    def density(self) -> Density:
        """What the likelihood of the model is. Raises UnsupportedError where it has none."""
        return density_model(self.model).density_of(**self.options.log_prob)

    @cached_property
    def scores(self) -> Scores:
        """The likelihoods of all rows of the data."""
        return score(self.model, self.dataset, self.options, self.seed)

    @cached_property
    def class_probs(self) -> ClassProbs:
        """The probabilities of the classes of all rows of a known class."""
        return class_probs(self.model, self.dataset, self.options)

    @cached_property
    def exact_nats(self) -> Tensor:
        """−log p(x) of all rows under the density that they were drawn from, in float64."""
        part = self.dataset.exact
        if part is None:
            raise UnsupportedError(
                f"The density that {self.dataset.name} was drawn from is known",
                received="a data set without one",
                remedy="Ask for another figure: the NLL differs from it by the entropy.",
            )
        from zoo_core.registry import create

        exact = density_model(create(part.architecture, **part.config)).double()
        return score(exact, self.dataset, EvaluationOptions(), self.seed).nats

    @cached_property
    def features(self) -> Features:
        """What distances are measured on."""
        if self._given is not None:
            return self._given
        return default_features(self.model.space, self.reference.x)

    @cached_property
    def reference(self) -> Batch:
        """The rows that samples are compared with."""
        return some_rows(self.dataset, self.options.samples or MOST, self.seed)

    @cached_property
    def training(self) -> Batch:
        """Rows that the model was trained on. Raises UnsupportedError where none are given."""
        return some_rows(self._train(), MOST, self.seed)

    @cached_property
    def samples(self) -> Tensor | Ragged:
        """Samples of the model, at the conditions and of the lengths of the reference rows.

        A model that is asked for p(x) draws the conditions itself.
        """
        model = self.model
        if not isinstance(model, Generator) or Generator not in model.provides:
            raise UnsupportedError(
                f"{model.architecture} makes no samples", remedy="Ask for its likelihood: 'NLL'."
            )
        n = self.options.samples or len(self.reference)
        with evaluating(model):
            return model.sample(
                n,
                condition=self._conditions_of_samples(n),
                lengths=self._lengths_of_samples(n),
                rng=rng(self.seed, model.device),
                batch_size=self.options.batch_size,
                **self.options.sample,
            )

    @cached_property
    def sample_features(self) -> Tensor:
        """Features of the samples."""
        return self.features(self.samples)

    @cached_property
    def reference_features(self) -> Tensor:
        """Features of the rows that samples are compared with."""
        return self.features(self.reference.x.to(self.model.device))

    @cached_property
    def training_features(self) -> Tensor:
        """Features of rows that the model was trained on."""
        return self.features(self.training.x.to(self.model.device))

    def training_nats(self) -> Tensor:
        """Give −log q(x) of rows that the model was trained on."""
        rows = replace(self._train(), data=self.training)
        return score(self.model, rows, self.options, self.seed).nats

    def _train(self) -> Dataset:
        if self.request.train is None:
            raise UnsupportedError(
                "Figures of privacy compare with the rows that the model was trained on",
                received="none",
                remedy="Give train=… (in `zoo evaluate`: --train REF).",
            )
        return self.request.train

    def _conditions_of_samples(self, n: int) -> Any:
        condition = told(self.model, self.dataset, self.reference.condition, self.likelihood)
        if condition is None:
            return None
        return condition[torch.arange(n) % len(self.reference)]

    def _lengths_of_samples(self, n: int) -> Tensor | None:
        rows = self.reference.x
        if not isinstance(rows, Ragged):
            return None
        return lengths_within(self.model, rows)[torch.arange(n) % len(rows)]


def check_space(model: Model, dataset: Dataset) -> None:
    """Raise DataError where the data are of another space than the model's."""
    ours, theirs = model.space, dataset.space
    if _layout(ours) != _layout(theirs) or _renamed(ours, theirs):
        raise DataError(
            f"The rows of {dataset.name} lie in the model's space: {ours}",
            received=str(theirs),
            remedy="Give other data, or another model.",
        )


def _layout(space: Space) -> tuple[Any, ...]:
    """Give what rows of two spaces have in common where one can be read as the other."""
    columns = space.entries or ()
    kinds = tuple(entry.kind.discrete for entry in columns)
    return space.shape, space.ragged, space.kind.discrete, kinds


def _renamed(ours: Space, theirs: Space) -> bool:
    """Whether levels that both name stand for other numbers, or columns for others."""
    pairs = zip(ours.entries or (ours,), theirs.entries or (theirs,), strict=True)
    levels = any(a.names and b.names and a.names != b.names for a, b in pairs)
    columns = ours.entries is not None and ours.columns != theirs.columns
    return levels or columns
