"""A plugin as a stranger wrote it for plugin API 0. It is never edited: see ../../test_frozen.py."""
