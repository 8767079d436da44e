"""The scaffold: a whole repository of a new plugin, rendered from a template.

The template is `template/`, for copier; its files end with `.jinja`.
"""

from zoo_core.scaffold.plugin_name import PluginName
from zoo_core.scaffold.repository import DEFAULT_SUMMARY, License, make_repository

__all__ = ["DEFAULT_SUMMARY", "License", "PluginName", "make_repository"]
