"""What a Hub stores: repositories with commits, branches and tags."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


def git_oid(data: bytes) -> str:
    """The id that git gives to a blob of these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class UnknownRevisionError(KeyError):
    """No branch, tag or commit of this name."""


@dataclass(frozen=True)
class Entry:
    """One file of one commit."""

    data: bytes
    lfs: bool

    @property
    def sha256(self) -> str:
        """The hash under which large files are stored."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def etag(self) -> str:
        """What the Hub puts in ETag: sha256 of a large file, git's id of a small one."""
        return self.sha256 if self.lfs else git_oid(self.data)


@dataclass
class Repository:
    """A repository; `commits` maps a 40-hex id to its whole tree."""

    name: str
    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, Entry]] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.commit({})

    def commit(self, tree: dict[str, Entry], branch: str = "main") -> str:
        """Add a commit with exactly this tree; gives its id."""
        text = "\n".join(f"{path} {entry.etag}" for path, entry in sorted(tree.items()))
        seed = f"{self.name} {len(self.history)}\n{text}"
        oid = hashlib.sha1(seed.encode()).hexdigest()
        self.commits[oid] = dict(tree)
        self.history.append(oid)
        self.branches[branch] = oid
        return oid

    def put(self, files: dict[str, bytes], branch: str = "main") -> str:
        """Commit these files over what the branch has; safetensors are stored as large files."""
        tree = dict(self.commits[self.branches[branch]])
        for path, data in files.items():
            tree[path] = Entry(data, lfs=path.endswith(".safetensors"))
        return self.commit(tree, branch)

    def resolve(self, revision: str) -> str:
        """The commit that a branch, a tag or a commit id means."""
        for names in (self.branches, self.tags):
            if revision in names:
                return names[revision]
        if revision in self.commits:
            return revision
        raise UnknownRevisionError(revision)
