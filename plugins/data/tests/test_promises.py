"""Every promise of every toy density."""

from zoo_core.conformance import parametrize_models

test_promise = parametrize_models("data/*")
