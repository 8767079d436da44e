"""The small checks of a registry file that listing needs: keys, types, names.

They cost a few microseconds an entry; `zoo_core.registry.schema` has the full ones.
"""

from __future__ import annotations

import re
from typing import Any, final

from zoo_core import API_VERSION
from zoo_core.errors import RegistryFileError
from zoo_core.plugins.file_names import is_inside
from zoo_core.plugins.names import NAME, NAMESPACE, namespace_of
from zoo_core.plugins.section import SCHEMA, Section
from zoo_core.plugins.yaml_file import LinedDict, LinedList, file_error

MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
TARGET = re.compile(rf"{MODULE.pattern}:{MODULE.pattern}", re.ASCII)

_Kinds = dict[str, "type | str"]
TEXTS = "a list of text"
_FILE: _Kinds = {"schema": int, "plugin": dict, "architectures": dict, "models": dict}
_FILE |= {"formats": dict}
_INDEX: _Kinds = {"schema": int, "plugins": list}
_SECTION: _Kinds = {"plugin": dict, "architectures": dict, "models": dict, "formats": dict}
_PLUGIN: _Kinds = {"distribution": str, "namespace": str, "summary": str, "api": int}
_PLUGIN |= {"license": str, "homepage": str, "hooks": dict, "commands": dict}
_HOOKS: _Kinds = {"module": str, "implements": TEXTS}
_COMMAND: _Kinds = {"target": str, "help": str}
_ARCHITECTURE: _Kinds = {"class": str, "summary": str, "provides": TEXTS, "tiny": dict}
_ARCHITECTURE |= {"dtypes": TEXTS, "expected_failures": dict}
_MODEL: _Kinds = {"architecture": str, "summary": str, "provides": TEXTS, "aliases": TEXTS}
_MODEL |= {"requires": str, "sources": dict, "files": dict, "parameters": int, "dtype": str}
_MODEL |= {"licenses": dict, "citation": str, "dataset": str, "metrics": list, "recipe": str}
_MODEL |= {"tags": TEXTS, "status": str}
_FORMAT: _Kinds = {"summary": str, "provides": TEXTS, "marks": list}
_MARK: _Kinds = {"file": str, "key": str}
_NAMED = {str: "text", int: "a whole number", dict: "a mapping", list: "a list"}


def sections(path: str, data: LinedDict, *, user: bool = False) -> list[Section]:
    """Split a file into its plugins' sections and check each; a bad one is marked, not raised.

    Raises RegistryFileError where the file as a whole can't be read as any.
    """
    foreign = _foreign_schema(path, data)
    if foreign:
        found = Section(foreign=foreign)
        found.plugin = dict(data.get("plugin") or {})
        return [found]
    checker = _Checker(path, user)
    if "plugins" not in data:
        return [checker.section(data, _FILE)]
    checker.keys(data, _INDEX, required=("schema", "plugins"))
    entries = data["plugins"]
    return [
        checker.section(entry, _SECTION)
        if isinstance(entry, LinedDict)
        else Section(f"{path}:{line}: each of `plugins` is a mapping.")
        for entry, line in zip(entries, entries.lines, strict=True)
    ]


def _foreign_schema(path: str, data: LinedDict) -> str | None:
    found = data.get("schema")
    if type(found) is not int:
        raise file_error(path, data.line_of("schema"), "a registry file says `schema: 1`")
    if found == SCHEMA:
        return None
    return f"its registry file has schema {found}, this zoo-core reads {SCHEMA}."


@final
class _Checker:
    """Checks the sections of one file."""

    def __init__(self, path: str, user: bool) -> None:
        self._path = path
        self._user = user

    def section(self, data: LinedDict, kinds: _Kinds) -> Section:
        """Check one section; what is wrong with it stands in `problem`."""
        found = Section()
        try:
            plugin = data.get("plugin")
            if isinstance(plugin, LinedDict):
                found.plugin = plugin
                found.foreign = self._foreign_api(plugin)
            if found.foreign is None:
                self._fill(found, data, kinds)
        except RegistryFileError as error:
            found.problem = str(error)
        return found

    def _foreign_api(self, plugin: LinedDict) -> str | None:
        """A plugin of another API may have keys that are unknown here: this comes first."""
        api = plugin.get("api")
        if type(api) is not int or api == API_VERSION:
            return None
        return f"it was written for plugin API {api}, this zoo-core has {API_VERSION}."

    def _fill(self, found: Section, data: LinedDict, kinds: _Kinds) -> None:
        self.keys(data, kinds, required=() if self._user and kinds is _FILE else ("plugin",))
        namespace = None
        if "plugin" in data:
            namespace = self._plugin(data["plugin"])
        found.architectures = data.get("architectures", {})
        found.models = data.get("models", {})
        for name, entry in found.architectures.items():
            self._entry(found.architectures, name, entry, namespace)
            self.keys(entry, _ARCHITECTURE, required=("class", "summary", "provides"))
            self._matches(entry, "class", TARGET, "module:Class")
        self._models(found.models, namespace)
        found.formats = data.get("formats", {})
        self._formats(found.formats, data, namespace)

    def _formats(self, formats: dict[str, Any], data: LinedDict, namespace: str | None) -> None:
        if formats and namespace is None:
            raise self._error(data, "formats", "`formats` are a plugin's, whose hook reads them")
        for name, entry in formats.items():
            if not NAMESPACE.fullmatch(name) or not isinstance(entry, LinedDict):
                rule = "a format is a mapping, named in lower-case letters, digits and dashes"
                raise self._error(formats, name, rule, received=repr(name))
            self.keys(entry, _FORMAT, required=tuple(_FORMAT))
            for mark in entry["marks"]:
                if not isinstance(mark, LinedDict):
                    raise self._error(entry, "marks", "each of `marks` has a file and a key")
                self.keys(mark, _MARK, required=tuple(_MARK))
                if not is_inside(mark["file"]):
                    raise self._error(mark, "file", "a mark's file is one inside the repository")

    def _models(self, models: dict[str, Any], namespace: str | None) -> None:
        names = set(models)
        for name, entry in models.items():
            self._entry(models, name, entry, namespace)
            self.keys(entry, _MODEL, required=("architecture", "summary", "provides"))
            self._matches(entry, "architecture", NAME, "namespace/name")
            for alias in entry.get("aliases", ()):
                self._name(entry, "aliases", alias, namespace)
                if alias in names:
                    rule = f"the alias {alias} is nobody else's name or alias"
                    raise self._error(entry, "aliases", rule)
                names.add(alias)

    def _plugin(self, plugin: LinedDict) -> str:
        self.keys(plugin, _PLUGIN, required=("distribution", "namespace", "summary", "api"))
        self._matches(plugin, "namespace", NAMESPACE, "lower-case letters, digits and dashes")
        hooks = plugin.get("hooks")
        if hooks is not None:
            self.keys(hooks, _HOOKS, required=("module", "implements"))
            self._matches(hooks, "module", MODULE, "a module's dotted name")
        commands = plugin.get("commands", {})
        for name, command in commands.items():
            if not isinstance(command, LinedDict) or not NAMESPACE.fullmatch(name):
                raise self._error(commands, name, f"the command `{name}` has a target and a help")
            self.keys(command, _COMMAND, required=("target", "help"))
            self._matches(command, "target", TARGET, "module:attribute")
        return plugin["namespace"]

    def keys(self, data: LinedDict, kinds: _Kinds, required: tuple[str, ...]) -> None:
        """Refuse unknown and missing keys, and values of the wrong type."""
        for key, value in data.items():
            kind = kinds.get(key)
            if kind is None:
                raise self._unknown(data, key, kinds)
            if not _is_of(value, kind):
                wanted = kind if isinstance(kind, str) else _NAMED[kind]
                raise self._error(data, key, f"`{key}` is {wanted}", received=_shown(value))
        for key in required:
            if key not in data:
                raise self._error(data, None, f"`{key}` is missing")

    def _entry(self, entries: dict[str, Any], name: str, entry: Any, namespace: str | None) -> None:
        self._name(entries, name, name, namespace)
        if not isinstance(entry, LinedDict):
            raise self._error(entries, name, f"the entry {name} is a mapping")

    def _name(self, data: Any, key: str, name: str, namespace: str | None) -> None:
        if not NAME.fullmatch(name):
            rule = "a name is `namespace/name`, of lower-case letters, digits and single dashes"
            raise self._error(data, key, rule, received=repr(name))
        if namespace is not None and namespace_of(name) != namespace:
            rule = f"a plugin's names begin with its namespace, {namespace}/"
            raise self._error(data, key, rule, received=name)

    def _matches(self, data: LinedDict, key: str, pattern: Any, wanted: str) -> None:
        if not pattern.fullmatch(data[key]):
            raise self._error(data, key, f"`{key}` is {wanted}", received=repr(data[key]))

    def _unknown(self, data: LinedDict, key: str, kinds: _Kinds) -> RegistryFileError:
        import difflib

        near = difflib.get_close_matches(key, kinds, n=1)
        remedy = f"Did you mean `{near[0]}`?" if near else f"Known are {', '.join(kinds)}."
        return self._error(data, key, f"the key `{key}` is unknown here", remedy=remedy)

    def _error(self, data: Any, key: str | None, rule: str, **more: Any) -> RegistryFileError:
        return file_error(self._path, data.line_of(key), rule, **more)


def _is_of(value: object, kind: type | str) -> bool:
    if isinstance(kind, str):
        return type(value) is LinedList and all(type(item) is str for item in value)
    return isinstance(value, kind) and type(value) is not bool


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
