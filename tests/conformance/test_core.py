"""Every promise of the core's own conditioners."""

from zoo_core.conformance import parametrize_models

test_promise = parametrize_models("core/*")
