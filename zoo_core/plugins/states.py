"""The state of each plugin: who owns a namespace, and what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from zoo_core import API_VERSION
from zoo_core.plugins.claim import Claim
from zoo_core.plugins.distributions import normalized
from zoo_core.plugins.names import NAMESPACE
from zoo_core.plugins.plugin import PluginState

REINSTALL = "Fix or update it: pip install -U {0}; or put it aside: ZOO_DISABLE={0}."


class Header(NamedTuple):
    """What the compiled index says of one section of a registry file."""

    id: int
    source: int
    problem: str | None
    foreign: str | None
    models: int
    architectures: int
    namespace: str | None
    distribution: str | None
    summary: str | None
    license: str | None
    homepage: str | None
    api: int | None
    hook_module: str | None
    hooks: str
    commands: str


class Verdict(NamedTuple):
    """A state, its cause and its remedy."""

    state: PluginState
    cause: str | None = None
    remedy: str | None = None


def contested(claim: Claim, claims: Sequence[Claim], owners: Mapping[str, str]) -> Verdict | None:
    """Say whether a namespace is somebody else's; `claims` are those that are not disabled."""
    owner = owners.get(claim.namespace)
    if owner is not None and owner != claim.distribution:
        cause = f"the namespace {claim.namespace}/ belongs to {owner} in the public index."
        remedy = f"Uninstall it: pip uninstall {claim.distribution}."
        return Verdict(PluginState.SHADOWED, cause, remedy)
    rivals = sorted({c.distribution for c in claims if c.namespace == claim.namespace})
    if owner is None and len(rivals) > 1:
        cause = f"{' and '.join(rivals)} claim the namespace {claim.namespace}/; neither has it."
        remedy = f"Uninstall one of them, or put it aside: ZOO_DISABLE={rivals[-1]}."
        return Verdict(PluginState.CONFLICT, cause, remedy)
    return None


def of_file(claim: Claim, header: Header | None, problem: str | None) -> Verdict:
    """Judge a plugin whose namespace is its own by its metadata and its registry file."""
    problem = claim.problem or problem or _mismatch(claim, header)
    if problem is None and header is not None and header.foreign is not None:
        return Verdict(PluginState.INCOMPATIBLE, header.foreign, _upgrade(claim, header))
    if problem is None:
        return Verdict(PluginState.OK)
    return Verdict(PluginState.BROKEN, problem, REINSTALL.format(claim.distribution))


def _mismatch(claim: Claim, header: Header | None) -> str | None:
    """Compare what the metadata claims with what the registry file says."""
    if not NAMESPACE.fullmatch(claim.namespace):
        return f"its namespace {claim.namespace!r} is not lower-case letters, digits and dashes."
    if header is None:
        return "its registry file has no section for a plugin."
    if header.problem is not None or header.foreign is not None:
        return header.problem
    if header.namespace != claim.namespace:
        return f"its entry point claims {claim.namespace}/, its registry file {header.namespace}/."
    if normalized(header.distribution or "") != claim.distribution:
        return f"its registry file names another distribution, {header.distribution}."
    return None


def _upgrade(claim: Claim, header: Header) -> str:
    if header.api is not None and header.api < API_VERSION:
        return f"Update the plugin: pip install -U {claim.distribution}."
    return "Update the core: pip install -U zoo-core."
