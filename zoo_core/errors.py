"""Every error that the zoo raises: a rule, what was received instead, and the remedy."""

from __future__ import annotations


class ZooError(Exception):
    """The root of the tree: states the broken rule, the value received and the remedy."""

    def __init__(self, rule: str, *, received: object = None, remedy: str | None = None) -> None:
        self.rule = rule
        self.received = received
        self.remedy = remedy
        parts = [rule if rule.endswith((".", "?", "!")) else f"{rule}."]
        if received is not None:
            parts.append(f"Received: {received}.")
        if remedy is not None:
            parts.append(remedy)
        super().__init__(" ".join(parts))


class ConfigError(ZooError, ValueError):
    """A configuration has an unknown, missing or ill-typed field."""


class DataError(ZooError, ValueError):
    """Data do not lie in the model's space: shape, dtype, range, NaN, an empty batch."""


class ConditionError(ZooError, ValueError):
    """A condition is missing, superfluous, or does not lie in the conditioner's space."""


class OptionError(ZooError, TypeError):
    """An option is unknown to the model or ill-typed."""


class UnsupportedError(ZooError, NotImplementedError):
    """The model does not provide what was asked of it."""


class DefinitionError(ZooError, TypeError):
    """A class of a plugin breaks an author's rule; raised when the class is made or built."""


class ConformanceError(ZooError, AssertionError):
    """A check found a promise broken: the promise, and what was seen instead."""


class TrainingError(ZooError, RuntimeError):
    """Training stopped because it cannot go on."""


class PluginError(ZooError):
    """A plugin is broken: its file, its import, or its class."""


class PluginMissingError(PluginError):
    """What was asked for lives in a plugin that is not installed."""


class InstallationError(PluginError):
    """A plugin can't be installed or uninstalled here; nothing was changed."""


class HookError(PluginError):
    """A plugin's hook implementation raised; the cause is chained."""


class RegistryError(ZooError):
    """The registry cannot answer."""


class UnknownNameError(RegistryError, LookupError):
    """No model, architecture or plugin has this name."""


class RegistryFileError(RegistryError, ValueError):
    """A registry file breaks the schema; names file and line."""


class CheckpointError(ZooError):
    """A checkpoint cannot be saved or loaded."""


class FormatError(CheckpointError, ValueError):
    """A checkpoint's files are not in a format that this version reads."""


class IntegrityError(CheckpointError):
    """A file's bytes differ from what its hash or size promises."""


class TensorError(CheckpointError, ValueError):
    """A checkpoint's tensors are not the model's: extra, missing, or of another shape or dtype."""


class UnsafeFileError(CheckpointError):
    """A checkpoint names a path or holds a file that could harm; nothing of it was used."""


class HubError(ZooError):
    """A Hub refused or failed; names the endpoint and whether a token was sent."""


class RepositoryNotFoundError(HubError, LookupError):
    """The Hub has no such repository, or hides it from this caller."""


class GatedRepositoryError(HubError, PermissionError):
    """The repository is gated: its owner must grant access."""


class PrivateRepositoryError(HubError, PermissionError):
    """The repository is private and no token that may read it was sent."""


class RevisionNotFoundError(HubError, LookupError):
    """The repository has no such branch, tag or commit."""


class FileNotOnHubError(HubError, LookupError):
    """The repository has no such file at this revision."""


class OfflineError(HubError, ConnectionError):
    """Files are not in the cache and the network may not be used."""


class TransportError(HubError, ConnectionError):
    """The connection failed after every retry."""


class DiskFullError(HubError, OSError):
    """The disk has no room for a file."""
