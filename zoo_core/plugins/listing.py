"""The listing: every plugin with its state, and which sections of which files count."""

from __future__ import annotations

import os
from typing import NamedTuple, final

import zoo_core
from zoo_core.errors import PluginError
from zoo_core.plugins.catalogue import Catalogue
from zoo_core.plugins.claim import Claim
from zoo_core.plugins.distributions import claims, normalized
from zoo_core.plugins.finding import Finding, Level
from zoo_core.plugins.package_file import locate
from zoo_core.plugins.plugin import Command, Plugin, PluginState
from zoo_core.plugins.public_index import public_index
from zoo_core.plugins.selection import CORE, Selection
from zoo_core.plugins.source import Source, SourceKind
from zoo_core.plugins.states import Header, Verdict, contested, of_file
from zoo_core.plugins.user_files import user_files

_CORE_DISTRIBUTION = "zoo-core"


class Offer(NamedTuple):
    """A section that counts: whose it is, its file, and the plugin behind it if it is here."""

    section: int
    path: str
    distribution: str | None
    plugin: Plugin | None


@final
class Listing:
    """What is installed and what is known, at one moment."""

    def __init__(self) -> None:
        self._selection = Selection()
        self._claims = _all_claims()
        self._off = {c: why for c in self._claims if (why := self._selection.why_not(c))}
        self._located: dict[Claim, str] = {}
        self._problems: dict[Claim, str] = {}
        self._locate()
        self.sources = self._all_sources()
        self.catalogue = Catalogue(self.sources)
        self.headers = self._read_headers()
        self.owners = self._read_owners()
        self.plugins = self._judge()
        self.by_namespace = {p.namespace: p for p in self.plugins if p.ok}
        self.offers = {offer.section: offer for offer in self._read_offers()}
        self.problems = self._read_problems()

    def _locate(self) -> None:
        for claim in self._claims:
            if claim in self._off or claim.problem is not None:
                continue
            try:
                self._located[claim] = _core_file() if _is_core(claim) else locate(claim.value)
            except PluginError as error:
                self._problems[claim] = str(error)

    def _all_sources(self) -> list[Source]:
        found = [Source.of(SourceKind.PLUGIN, p) for p in dict.fromkeys(self._located.values())]
        index = public_index()
        if index is not None:
            found.append(Source.of(SourceKind.INDEX, index))
        return found + [Source.of(SourceKind.USER, path) for path in user_files()]

    def _read_headers(self) -> list[Header]:
        return self.catalogue.records(Header._make, "SELECT * FROM sections ORDER BY id")

    def _of_kind(self, kind: SourceKind) -> list[Header]:
        return [h for h in self.headers if self.sources[h.source].kind is kind]

    def _read_owners(self) -> dict[str, str]:
        """Give the distribution of each namespace; the public index comes before user's files."""
        owners = {CORE: _CORE_DISTRIBUTION}
        for header in self._of_kind(SourceKind.INDEX) + self._of_kind(SourceKind.USER):
            if header.namespace is not None and header.distribution is not None:
                owners.setdefault(header.namespace, normalized(header.distribution))
        return owners

    def _judge(self) -> list[Plugin]:
        on = [claim for claim in self._claims if claim not in self._off]
        by_path = {self.sources[h.source].path: h for h in self._of_kind(SourceKind.PLUGIN)}
        found = []
        for claim in self._claims:
            path = self._located.get(claim)
            header = by_path.get(path) if path is not None else None
            found.append(_plugin(claim, self._verdict(claim, on, header), header, path))
        return sorted(found, key=lambda p: (p.namespace != CORE, p.namespace, p.distribution))

    def _verdict(self, claim: Claim, on: list[Claim], header: Header | None) -> Verdict:
        why = self._off.get(claim)
        if why is not None:
            return Verdict(PluginState.DISABLED, why)
        settled = contested(claim, on, self.owners)
        return settled or of_file(claim, header, self._problems.get(claim))

    def _read_offers(self) -> list[Offer]:
        """A plugin's own file wins over what the indices say of it."""
        found = []
        by_section = {p.section: p for p in self.plugins if p.ok}
        named: set[str] = set(self.by_namespace)
        for header in self.headers:
            source = self.sources[header.source]
            if header.problem is not None or header.foreign is not None:
                continue
            if source.kind is SourceKind.PLUGIN:
                plugin = by_section.get(header.id)
                if plugin is not None:
                    found.append(Offer(header.id, source.path, plugin.distribution, plugin))
            elif header.namespace is None:
                found.append(Offer(header.id, source.path, None, None))
            elif header.namespace not in named and self.owners[header.namespace] == normalized(
                header.distribution or ""
            ):
                named.add(header.namespace)
                found.append(Offer(header.id, source.path, header.distribution, None))
        return found

    def _read_problems(self) -> list[Finding]:
        found = [
            Finding(
                f"{variable} names {', '.join(names)}, which isn't installed.", level=Level.WARNING
            )
            for variable, names in self._selection.unknown(self._claims).items()
        ]
        for header in self._of_kind(SourceKind.INDEX) + self._of_kind(SourceKind.USER):
            message = header.problem or header.foreign
            if message is not None:
                level = Level.ERROR if header.problem else Level.WARNING
                found.append(Finding(message, level=level))
        return found


def _all_claims() -> list[Claim]:
    """Give the core's claim, which needs no metadata, and those of all other distributions."""
    core = Claim(CORE, "zoo_core:core.yaml", _CORE_DISTRIBUTION, zoo_core.__version__)
    return [core, *(c for c in claims() if c.distribution != _CORE_DISTRIBUTION)]


def _is_core(claim: Claim) -> bool:
    return claim.distribution == _CORE_DISTRIBUTION


def _core_file() -> str:
    return os.path.join(os.path.dirname(os.path.abspath(zoo_core.__file__)), "core.yaml")


def _plugin(claim: Claim, verdict: Verdict, header: Header | None, path: str | None) -> Plugin:
    known = Plugin(
        namespace=claim.namespace,
        distribution=claim.distribution,
        version=claim.version,
        state=verdict.state,
        cause=verdict.cause,
        remedy=verdict.remedy,
        path=path,
        folder=None if path is None else os.path.dirname(path),
    )
    if header is None:
        return known
    known = known._replace(
        summary=header.summary or "",
        license=header.license,
        homepage=header.homepage,
        api=header.api,
        models=header.models,
        architectures=header.architectures,
    )
    if not known.ok:
        return known
    return known._replace(
        commands=commands_of(header, claim.distribution),
        hook_module=header.hook_module,
        hooks=tuple(header.hooks.split("\n")) if header.hooks else (),
        section=header.id,
    )


def commands_of(header: Header, distribution: str) -> tuple[Command, ...]:
    """Give the commands that a section of a registry file declares."""
    cells = header.commands.split("\n") if header.commands else []
    rows = zip(cells[::3], cells[1::3], cells[2::3], strict=True)
    return tuple(Command(*row, distribution) for row in rows)
