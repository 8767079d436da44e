"""The bundled models: their files, their figures, and what others fit to the same rows."""

from __future__ import annotations

import hashlib
import math
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from sklearn.linear_model import LogisticRegression as TheirRegression
from sklearn.mixture import GaussianMixture as TheirMixture
from sklearn.naive_bayes import CategoricalNB, GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import zoo_core as zoo
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.dataset import DataRequest, Dataset, Split
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.joint import JointModel
from zoo_core.plugins import facade

pytest.importorskip("zoo_plugin_data")
PACKAGE = files("zoo_plugin_classical")
MODELS: dict[str, Any] = yaml.safe_load((PACKAGE / "registry.yaml").read_text("utf-8"))["models"]
MEGABYTE = 10**6
ALPHABET = " abcdefghijklmnopqrstuvwxyz"

EXPECTED = {
    *(f"gaussian-nb-{data}" for data in ("iris", "wine", "digits")),
    *("categorical-nb-digits", "mixed-nb-penguins", "kde-nb-digits", "gmm-iris", "gmm-digits"),
    *(f"logistic-regression-{data}" for data in ("iris", "wine", "digits", "breast-cancer")),
    *("hmm-earthquakes", "hmm-vowels"),
}


@pytest.fixture(params=sorted(MODELS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def recipe_of(name: str) -> dict[str, Any]:
    return yaml.safe_load((PACKAGE / MODELS[name]["recipe"]).read_text("utf-8"))


def rows_of(name: str, split: str) -> Dataset:
    """Open the rows of a model; skip where this Python has another text."""
    data = recipe_of(name)["data"]
    space = zoo.Space.parse(data["space"]) if "space" in data else None
    opened = facade.open_data(data["name"], DataRequest(split=Split(split), space=space))
    if opened.sha256 != data["sha256"]:
        pytest.skip(f"{opened.provenance} is not what the model was trained on")
    return opened


def test_each_that_is_promised_is_there() -> None:
    assert set(MODELS) == {f"classical/{model}" for model in EXPECTED}


def test_files_are_those_of_the_registry(name: str) -> None:
    entry = MODELS[name]
    folder = PACKAGE / entry["sources"]["bundled"]
    assert {file.name for file in folder.iterdir()} == set(entry["files"])
    for file, promised in entry["files"].items():
        data = (folder / file).read_bytes()
        assert len(data) == promised["size"]
        assert hashlib.sha256(data).hexdigest() == promised["sha256"]


def test_the_weights_are_small() -> None:
    sizes = [entry["files"]["model.safetensors"]["size"] for entry in MODELS.values()]
    assert max(sizes) < MEGABYTE
    assert sum(sizes) < 6 * MEGABYTE


def test_each_has_a_recipe(name: str) -> None:
    recipe = recipe_of(name)
    assert recipe["architecture"] == MODELS[name]["architecture"]
    named = [metric["name"] for metric in recipe["metrics"]]
    assert named == [metric["name"] for metric in MODELS[name]["metrics"]] == recipe["evaluate"]


def test_samples_are_scored(name: str) -> None:
    model = zoo.load(name)
    if not isinstance(model, Generator) or not isinstance(model, DensityModel):
        assert isinstance(model, Classifier)
        return
    x = model.sample(50, rng=zoo.rng(0))
    assert len(x) == 50
    assert isinstance(x, zoo.Ragged) == model.space.ragged
    assert torch.isfinite(model.log_prob(x)).all()
    if isinstance(model, JointModel):
        x, y = model.sample_joint(100, rng=zoo.rng(0))
        # What the model draws of a class it mostly knows again.
        assert float((model.predict(x) == y).float().mean()) > 0.9


@torch.no_grad()
def figures(model: Any, data: Dataset) -> dict[str, float]:
    """Measure by hand what the registry may say of a model."""
    x: Any = data.data.x  # type: ignore[union-attr]
    found: dict[str, float] = {}
    joint = model.log_joint(x).double() if isinstance(model, JointModel) else None
    if isinstance(model, DensityModel):
        nats = -(model.log_prob(x).double() if joint is None else joint.logsumexp(1))
        found["NLL"] = float(nats.mean())
        found["bits/dim"] = found["NLL"] / max(1, model.space.size) / math.log(2)
        if isinstance(x, zoo.Ragged):
            found["bits/character"] = float(nats.sum()) / len(x.values) / math.log(2)
            found["perplexity"] = 2 ** found["bits/character"]
    if isinstance(model, Classifier):
        probs = model.predict_proba(x).double() if joint is None else joint.softmax(1)
        own = data.labels
        found["accuracy"] = float((probs.argmax(1) == own).double().mean())
        found["log loss"] = float(-probs[range(len(own)), own].log().mean())
        right = torch.nn.functional.one_hot(own, model.classes)
        found["Brier score"] = float((probs - right).square().sum(1).mean())
    return found


def test_the_registered_figures_come_back(name: str) -> None:
    model = zoo.load(name)
    split = MODELS[name]["metrics"][0]["split"]
    data = rows_of(name, split)
    measured = figures(model, data)
    for metric in MODELS[name]["metrics"]:
        assert metric["n"] == len(data)
        # Registered figures are rounded by their standard errors, or to four digits.
        error = metric.get("standard_error")
        slack = 0.1 * error if error else 5e-4 * abs(metric["value"])
        assert measured[metric["name"]] == pytest.approx(metric["value"], abs=slack)


def test_earthquakes_have_the_likelihood_and_the_rates_of_the_literature() -> None:
    """Three states: 328.5275 nats, rates 13.13, 19.71 and 29.71 (Zucchini & MacDonald 2009)."""
    model: Any = zoo.load("classical/hmm-earthquakes").double()
    series = rows_of("classical/hmm-earthquakes", "all").data.x  # type: ignore[union-attr]
    assert -float(model.log_prob(series).detach()) == pytest.approx(328.5275, abs=1e-4)
    rates = model.rates.detach().flatten().sort().values.tolist()
    # The book's rates are those of the stationary chain, these of a free first state.
    assert rates == pytest.approx([13.13, 19.71, 29.71], abs=0.01)


@torch.no_grad()
def test_vowels_are_in_one_state_and_consonants_in_the_other() -> None:
    model: Any = zoo.load("classical/hmm-vowels")
    each = model.stack.log_prob_each(torch.arange(27)[:, None])
    state = {letter: int(each[code].argmax()) for code, letter in enumerate(ALPHABET)}
    assert {state[letter] for letter in "aeiou "} == {state["a"]}
    consonants = [letter for letter in "bcdfghjklmnpqrstvwxz" if state[letter] != state["a"]]
    assert len(consonants) >= 18
    # The two alternate: a move is likelier than a stay.
    assert bool((model.transition.diagonal() < 0.5).all())


@torch.no_grad()
def test_words_are_read_as_vowels_and_consonants() -> None:
    model: Any = zoo.load("classical/hmm-vowels")
    words = ["banana", "potato", "semaphore"]
    codes = [torch.tensor([ALPHABET.index(letter) for letter in word]) for word in words]
    states, _ = model.viterbi(zoo.Ragged.of(codes))
    vowel = int(states[0][1])
    read = ["".join("V" if state == vowel else "C" for state in word.tolist()) for word in states]
    assert read[:2] == ["CVCVCV", "CVCVCV"] and read[2].startswith("CVCV")


THEIRS = {
    "gaussian-nb-iris": GaussianNB(),
    "gaussian-nb-wine": GaussianNB(),
    "gaussian-nb-digits": GaussianNB(var_smoothing=0.1),
    "categorical-nb-digits": CategoricalNB(alpha=0.3, min_categories=17),
    "logistic-regression-iris": TheirRegression(C=10.0, tol=1e-10, max_iter=10**4),
    "logistic-regression-wine": TheirRegression(C=1.0, tol=1e-10, max_iter=10**4),
    "logistic-regression-breast-cancer": TheirRegression(C=0.1, tol=1e-10, max_iter=10**4),
    "logistic-regression-digits": TheirRegression(C=1.0, tol=1e-10, max_iter=10**4),
}


@pytest.mark.parametrize("model", THEIRS)
def test_probabilities_are_those_of_scikit_learn(model: str) -> None:
    """Fitted to the same rows; the bundled weights are in single precision."""
    train, test = (rows_of(f"classical/{model}", split) for split in ("train", "test"))
    theirs: Any = THEIRS[model]
    if model.startswith("logistic"):
        theirs = make_pipeline(StandardScaler(), theirs)
    kind = np.int64 if model.startswith("categorical") else np.float64
    theirs.fit(train.x.flatten(1).numpy().astype(kind), train.labels.numpy())
    expected = theirs.predict_proba(test.x.flatten(1).numpy().astype(kind))
    ours: Any = zoo.load(f"classical/{model}")
    found = ours.predict_proba(test.x).detach().numpy()
    assert np.abs(found - expected).max() < 2e-3


def test_the_mixture_of_iris_is_as_likely_as_scikit_learns() -> None:
    x = rows_of("classical/gmm-iris", "train").x.double()
    theirs = TheirMixture(3, n_init=20, tol=1e-8, max_iter=500, random_state=0).fit(x.numpy())
    ours: Any = zoo.load("classical/gmm-iris").double()
    assert float(ours.log_prob(x).detach().mean()) > theirs.score(x.numpy()) - 1e-3


@torch.no_grad()
def test_penguins_are_told_with_half_of_their_values_missing() -> None:
    model: Any = zoo.load("classical/mixed-nb-penguins")
    test = rows_of("classical/mixed-nb-penguins", "test")
    hidden = torch.rand(test.x.shape, generator=zoo.rng(0)) < 0.5
    x = test.x.masked_fill(hidden, torch.nan)
    right = [float((model.predict(rows) == test.labels).float().mean()) for rows in (test.x, x)]
    assert right[0] > 0.95 and right[1] > 0.8
    nothing = torch.full((1, 7), torch.nan)
    torch.testing.assert_close(model.predict_proba(nothing)[0], model.class_log_prior.exp())
