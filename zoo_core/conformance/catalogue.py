"""Catalogue: every check that a model can claim, in the order in which they are made."""

from __future__ import annotations

from zoo_core.conformance.check import Check
from zoo_core.conformance.checks import (
    batches,
    conditional,
    conditioner,
    configuration,
    denoiser,
    exact_denoiser,
    exact_density,
    fit,
    generator,
    guidance,
    loss,
    matcher,
    modes,
    next_token,
    observed,
    precision,
    refusals,
    reparameterized,
    state,
    state_model,
    sufficient_statistics,
    surroundings,
)
from zoo_core.conformance.subject import Subject

_THEMES = (
    configuration,
    state,
    modes,
    surroundings,
    refusals,
    precision,
    batches,
    exact_density,
    loss,
    sufficient_statistics,
    state_model,
    next_token,
    generator,
    observed,
    conditional,
    conditioner,
    reparameterized,
    denoiser,
    exact_denoiser,
    guidance,
    matcher,
    fit,
)


def model_checks() -> tuple[Check[Subject], ...]:
    """Give every check of a model, cheap and basic ones first."""
    return tuple(check for theme in _THEMES for check in theme.CHECKS)
