"""Every promise of every architecture."""

from zoo_core.conformance import parametrize_models

test_promise = parametrize_models("transformers/*")
