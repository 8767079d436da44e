"""The options and the configuration that a run was given, checked before any data are read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from zoo_core.config import thaw
from zoo_core.errors import ConfigError, OptionError
from zoo_core.interfaces.model import Model
from zoo_plugin_training.options import FitOptions
from zoo_plugin_training.recipe import Recipe

RUN_ONLY = ("out", "resume", "progress", "track")
"""Options that say where a run goes and what is seen of it, not what it does."""


def check_options(recipe: Recipe, model_class: type[Model]) -> dict[str, Any]:
    """Check a recipe's options for `fit`, and give all of them, resolved.

    Those of a model that fits itself are its own, and are checked by it.
    """
    given = thaw(recipe.fit)
    if fits_itself(model_class):
        return given
    if recipe.init is not None:
        given.setdefault("keep_preprocessing", True)
    run_only = [name for name in RUN_ONLY if name in given]
    if run_only:
        raise OptionError(
            "A recipe's options say how a model is trained",
            received=", ".join(run_only),
            remedy="Give --out, --resume and --track to the command itself.",
        )
    # A recipe is for a run with a folder; without one the options of the folder are left out.
    fields = FitOptions.of({**given, "out": "run"}).to_json()
    return {k: v for k, v in fields.items() if v not in (None, {}) and k not in RUN_ONLY}


def fits_itself(model_class: type[Model]) -> bool:
    """Say whether a class fits in closed form or by EM, so that no training loop is used."""
    return model_class._fit is not Model._fit


def check_fields(model_class: type[Model], names: Iterable[str]) -> None:
    """Raise ConfigError for fields that the configuration does not have, with the closest ones."""
    known = list(model_class.Config.model_fields)
    unknown = [name for name in names if name not in known]
    if unknown:
        near = [m for name in unknown for m in difflib.get_close_matches(name, known, n=1)]
        raise ConfigError(
            f"The configuration of {model_class.architecture} has the fields {', '.join(known)}",
            received=", ".join(unknown),
            remedy=f"Did you mean {', '.join(near)}?" if near else None,
        )
