"""Catalogue: every check that a model can claim, in the order in which they are made."""

from __future__ import annotations

from zoo_core.conformance.check import Check
from zoo_core.conformance.checks import (
    batches,
    classifier,
    conditionable,
    conditional,
    conditioner,
    configuration,
    denoiser,
    energy,
    estimate,
    exact_denoiser,
    exact_density,
    fit,
    generator,
    guidance,
    joint,
    latent,
    loss,
    lower_bound,
    matcher,
    missing,
    modes,
    next_token,
    observed,
    observed_density,
    observed_sequences,
    precision,
    refusals,
    reparameterized,
    score,
    state,
    state_model,
    sufficient_statistics,
    surroundings,
    unnormalized,
)
from zoo_core.conformance.subject import Subject

_THEMES = (
    configuration,
    surroundings,
    state,
    modes,
    refusals,
    precision,
    batches,
    exact_density,
    lower_bound,
    estimate,
    unnormalized,
    score,
    missing,
    loss,
    sufficient_statistics,
    state_model,
    next_token,
    generator,
    observed,
    observed_density,
    observed_sequences,
    conditionable,
    conditional,
    conditioner,
    reparameterized,
    denoiser,
    exact_denoiser,
    guidance,
    matcher,
    energy,
    latent,
    classifier,
    joint,
    fit,
)


def model_checks() -> tuple[Check[Subject], ...]:
    """Give every check of a model, cheap and basic ones first."""
    return tuple(check for theme in _THEMES for check in theme.CHECKS)
