"""What a repository is that no plugin claims."""

from __future__ import annotations

from zoo_core.checkpoints.texts import CONFIG
from zoo_core.errors import FileNotOnHubError, FormatError, ZooError
from zoo_core.hooks.repository import Repository
from zoo_core.hub.reference import PREFIX


def unclaimed(repository: Repository) -> ZooError:
    """Make the error for a repository that no installed plugin claims."""
    on_hub = repository.origin.startswith(PREFIX)
    kind = FileNotOnHubError if on_hub and CONFIG not in repository.sizes else FormatError
    return kind(
        f"{repository.origin} is a saved model of the zoo, with a {CONFIG} that has `format` and "
        "`architecture`, or in a format that a plugin reads",
        received=", ".join(sorted(repository.sizes)[:5]) or "no files",
    )
