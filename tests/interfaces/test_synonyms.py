"""What is said of a name that another library uses, and of what is given in a wrong form."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image

import zoo_core as zoo
from interfaces.test_texts_and_prompts import Letterwise
from models.gaussian import Gaussian
from models.noised_mixture import ExactMixture
from zoo_core.errors import ConditionError, ConfigError, DataError, OptionError
from zoo_core.exchange import from_images, to_images
from zoo_core.interfaces.synonyms import remedy_for, synonyms


@pytest.fixture
def text() -> Letterwise:
    return Letterwise(zoo.Config())


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("seed", "Did you mean rng=zoo.rng(0)?"),
        ("prompt", "Did you mean observed=zoo.Observed(…)?"),
        ("max_length", "Did you mean lengths=…, the whole length?"),
        ("num_return_sequences", "Did you mean n?"),
        ("batchsize", "Did you mean batch_size?"),
        ("num_inference_steps", "Leave it out."),
        ("height", "Leave it out."),
    ],
)
def test_samplers_are_told_what_an_option_is_called_here(
    text: Letterwise, given: str, says: str
) -> None:
    with pytest.raises(OptionError) as caught:
        text.sample(1, **cast("dict[str, Any]", {given: 3}))
    assert caught.value.remedy == says


def test_only_what_a_model_takes_is_named() -> None:
    gaussian = Gaussian.create(space=zoo.Space.real(2))
    with pytest.raises(OptionError, match="Leave it out"):
        gaussian.sample(1, max_length=3)
    with pytest.raises(OptionError, match="Leave it out"):
        gaussian.log_prob(torch.zeros(1, 2), max_length=3)


def test_a_name_stands_for_what_is_there() -> None:
    assert synonyms("prompt", ["condition", "observed"]) == ["condition", "observed"]
    assert synonyms("prompt", ["steps"]) == []
    assert remedy_for("lr", ["learning_rate"]) == "Did you mean learning_rate?"
    assert remedy_for("stepps", ["steps"]) == "Did you mean steps?"


def test_a_text_as_a_condition_is_led_to_observed(text: Letterwise) -> None:
    with pytest.raises(ConditionError, match=r"observed=zoo\.Observed"):
        text.sample(1, condition="ab")


def test_what_is_known_is_an_observed(text: Letterwise) -> None:
    with pytest.raises(DataError, match="is an Observed. Received: str"):
        text.sample(1, observed="ab")  # pyright: ignore[reportArgumentType]
    for known in (zoo.Observed("ab"), "ab"):
        with pytest.raises(DataError, match=r"a mask over x.*Ragged\(mask, lengths\)"):
            text.log_prob("ab", observed=known)  # pyright: ignore[reportArgumentType]


def test_a_picture_is_no_mask() -> None:
    picture = Image.fromarray(np.zeros((2, 2), np.uint8))
    space = zoo.Space.unit(2, 2)
    with pytest.raises(DataError, match="array of booleans.*Received: Image"):
        zoo.Observed(torch.zeros(2, 2), picture).checked(space, 1, torch.device("cpu"))


def test_the_space_of_pictures_comes_first() -> None:
    space = zoo.Space.unit(2, 2)
    with pytest.raises(DataError, match="The space comes first"):
        to_images(torch.zeros(1, 2, 2), space)  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError, match="The space comes first"):
        from_images(to_images(space, torch.zeros(1, 2, 2)), space)  # pyright: ignore[reportArgumentType]


def test_a_steps_number_is_no_noise() -> None:
    model = ExactMixture.create(space=zoo.Space.real(2))
    with pytest.raises(DataError, match=r"one of model\.path\(steps\)"):
        model.denoise(torch.zeros(1, *model.space.shape), 50)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"density": "lower-bound"}, "DensityKind.EXACT, LOWER_BOUND"),
        ({"space": 2}, r"Space\.real"),
        ({"how": 3}, "is a str"),
    ],
)
def test_what_describes_a_wrapped_module_is_checked(given: dict[str, Any], says: str) -> None:
    arguments: dict[str, Any] = {"space": zoo.Space.real(2), "log_prob": lambda m, x: m(x)[:, 0]}
    with pytest.raises(ConfigError, match=says) as caught:
        zoo.wrap(torch.nn.Linear(2, 1), **{**arguments, **given})
    assert "http" not in str(caught.value)


def test_a_space_of_text_is_called_text(text: Letterwise) -> None:
    assert str(text.space) == "text (a letter a code)"
    assert str(zoo.Space.categorical(4, ragged=True)) == "categorical with 4 levels, sequences"
    assert str(zoo.Space.real(3, ragged=True)) == "real, sequences of steps [3]"
