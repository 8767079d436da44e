"""The conformance kit: what a model claims, tested.

    check_model(model, rng=)        a CheckResult for each promise that a model makes
    check_density(log_prob, …)      the same of a bare density and sampler, no model of the zoo
    parametrize_models("mine/*")    a pytest test for each promise of a plugin's models

`zoo plugins verify NAME` does it without pytest.
"""

from zoo_core.conformance.density import check_density
from zoo_core.conformance.model import check_model
from zoo_core.conformance.parametrization import parametrize_models
from zoo_core.conformance.result import CheckResult, Status

__all__ = ["CheckResult", "Status", "check_density", "check_model", "parametrize_models"]
