"""Options that are objects as they are, such as a picture to start from."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic
import pytest
import torch

from zoo_core.config import Config, Live
from zoo_core.errors import ConfigError


class Options(Config):
    """One plain field and a live one."""

    steps: pydantic.PositiveInt = 1
    image: Annotated[Any, Live()] = None


def test_a_live_field_is_handed_through_as_it_is() -> None:
    image = torch.zeros(2, 2)
    options = Options.parse({"steps": 3, "image": image})
    assert options.image is image
    assert options.steps == 3
    assert Options.parse({}).image is None


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"picture": 1}])
def test_other_fields_are_checked_beside_it(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Options.parse({"image": torch.zeros(1), **wrong})


def test_what_is_not_live_must_be_json() -> None:
    with pytest.raises(ConfigError, match="expressible as JSON"):
        Options.parse({"steps": torch.zeros(1)})
