"""The Hub's HTTP interface, as far as the client uses it for models."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from urllib.parse import parse_qs, urlsplit

from .repositories import Entry, Repository, UnknownRevisionError
from .wire import Wire

NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
ROUTES = [
    ("POST", r"/api/repos/create", "create"),
    ("GET", r"/api/whoami-v2", "whoami"),
    ("POST", r"/api/validate-yaml", "validate"),
    ("POST", rf"/api/models/{NAME}/preupload/(?P<revision>.+)", "preupload"),
    ("POST", rf"/api/models/{NAME}/commit/(?P<revision>.+)", "commit"),
    ("POST", rf"/api/models/{NAME}/tag/(?P<revision>.+)", "tag"),
    ("GET", rf"/api/models/{NAME}/refs", "refs"),
    ("GET", rf"/api/models/{NAME}/commits/(?P<revision>.+)", "commits"),
    ("GET", rf"/api/models/{NAME}/tree/(?P<revision>[^/]+).*", "tree"),
    ("POST", rf"/api/models/{NAME}/paths-info/(?P<revision>.+)", "paths_info"),
    ("GET", rf"/api/models/{NAME}/revision/(?P<revision>.+)", "info"),
    ("GET", rf"/api/models/{NAME}", "info"),
    ("POST", rf"/{NAME}\.git/info/lfs/objects/batch", "batch"),
    ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})(?:/(?P<part>\d+))?", "store"),
    ("POST", r"/lfs/(?P<oid>[0-9a-f]{64})", "complete"),
    ("GET", r"/cdn/(?P<oid>[0-9a-f]{64})", "cdn"),
    ("GET", rf"/{NAME}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "file"),
    ("HEAD", rf"/{NAME}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "file"),
]


class Handler(Wire):
    """Routes a request to the method that answers it."""

    def answer_request(self) -> None:
        """Find the route, check access, answer."""
        for method, pattern, target in ROUTES:
            found = re.fullmatch(pattern, self.route)
            if method == self.command and found is not None:
                return self._dispatch(target, found.groupdict())
        self.refuse(404, "NotFound", f"no route {self.command} {self.route}")

    def _dispatch(self, target: str, parts: dict[str, str]) -> None:
        if "name" not in parts:
            return getattr(self, target)(**parts)
        name = parts.pop("name")
        repository = self.hub.repositories.get(name)
        writes = target in ("preupload", "commit", "tag", "batch")
        if repository is None or (repository.private and self._user() is None):
            # The real Hub hides what an anonymous caller may not see behind one answer.
            status = 404 if self._user() else 401
            return self.refuse(status, "RepoNotFound", "Repository not found")
        if writes and self._user() is None:
            return self.refuse(401, "Unauthorized", "Invalid username or password.")
        if repository.gated and target == "file" and self._user() is None:
            return self.refuse(401, "GatedRepo", f"Access to model {name} is restricted.")
        revision = parts.pop("revision", "main")
        try:
            commit = repository.resolve(revision)
        except UnknownRevisionError:
            return self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        getattr(self, target)(repository, commit, revision, **parts)

    def _user(self) -> str | None:
        return self.hub.tokens.get(self.token or "")

    def create(self) -> None:
        """POST /api/repos/create."""
        wish = json.loads(self.body)
        user = self._user()
        if user is None:
            return self.refuse(401, "Unauthorized", "Invalid username or password.")
        name = f"{wish.get('organization') or user}/{wish['name']}"
        url = {"url": f"{self.hub.endpoint}/{name}"}
        if name in self.hub.repositories:
            return self.json(url, 409)
        self.hub.repository(name, private=wish.get("visibility") == "private")
        self.json(url)

    def whoami(self) -> None:
        """GET /api/whoami-v2."""
        user = self._user()
        if user is None:
            return self.refuse(401, "Unauthorized", "Invalid username or password.")
        self.json({"type": "user", "name": user, "orgs": [], "auth": {}})

    def validate(self) -> None:
        """POST /api/validate-yaml."""
        self.json({"errors": [], "warnings": []})

    def preupload(self, repository: Repository, commit: str, revision: str) -> None:
        """Which files go as large ones."""
        tree = repository.commits[commit]
        files = []
        for wish in json.loads(self.body)["files"]:
            path = wish["path"]
            mode = "lfs" if path.endswith(".safetensors") else "regular"
            oid = {"oid": tree[path].etag} if path in tree else {}
            files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, **oid})
        self.json({"files": files, "commitOid": commit})

    def batch(self, repository: Repository, commit: str, revision: str) -> None:
        """LFS: where to put each object; none where it is stored already."""
        objects = []
        for wish in json.loads(self.body)["objects"]:
            answer: dict[str, object] = {"oid": wish["oid"], "size": wish["size"]}
            if wish["oid"] not in self.hub.large:
                answer["actions"] = {"upload": self._upload(wish["oid"], wish["size"])}
            objects.append(answer)
        transfer = "multipart" if self.hub.multipart else "basic"
        self.json({"transfer": transfer, "objects": objects})

    def _upload(self, oid: str, size: int) -> dict[str, object]:
        href = f"{self.hub.endpoint}/lfs/{oid}"
        part = self.hub.multipart
        if part is None:
            return {"href": href}
        header = {"chunk_size": str(part)}
        header |= {f"{i + 1:05}": f"{href}/{i + 1}" for i in range(-(-size // part))}
        return {"href": href, "header": header}

    def store(self, oid: str, part: str | None) -> None:
        """PUT of an object or of one part of it."""
        if part is not None:
            self.hub.large[f"{oid}/{part}"] = self.body
            return self.send(200, b"", {"ETag": f'"{part}"'})
        if hashlib.sha256(self.body).hexdigest() != oid:
            return self.refuse(400, "BadDigest", "the bytes are not those of the oid")
        self.hub.large[oid] = self.body
        self.send(200, b"", {"ETag": f'"{oid}"'})

    def complete(self, oid: str) -> None:
        """All parts have come."""
        parts = json.loads(self.body)["parts"]
        data = b"".join(self.hub.large.pop(f"{oid}/{part['partNumber']}") for part in parts)
        if hashlib.sha256(data).hexdigest() != oid:
            return self.refuse(400, "BadDigest", "the parts are not those of the oid")
        self.hub.large[oid] = data
        self.json({})

    def commit(self, repository: Repository, commit: str, revision: str) -> None:
        """POST of one commit as newline-delimited JSON."""
        lines = [json.loads(line) for line in self.body.splitlines() if line.strip()]
        with self.hub.lock:
            tree = dict(repository.commits[commit])
            for line in lines:
                value = line["value"]
                if line["key"] == "header":
                    parent = value.get("parentCommit")
                    if parent not in (None, commit):
                        return self.refuse(412, "PreconditionFailed", "the branch has moved on")
                elif line["key"] == "file":
                    tree[value["path"]] = Entry(base64.b64decode(value["content"]), lfs=False)
                elif line["key"] == "lfsFile":
                    tree[value["path"]] = Entry(self.hub.large[value["oid"]], lfs=True)
                elif line["key"] == "deletedFile":
                    tree.pop(value["path"])
            oid = repository.commit(tree, revision)
        url = f"{self.hub.endpoint}/{repository.name}/commit/{oid}"
        self.json({"commitOid": oid, "commitUrl": url, "pullRequestUrl": None, "success": True})

    def tag(self, repository: Repository, commit: str, revision: str) -> None:
        """POST of a tag."""
        tag = json.loads(self.body)["tag"]
        if tag in repository.tags:
            return self.refuse(409, "Conflict", "Tag reference exists already")
        repository.tags[tag] = commit
        self.json({})

    def refs(self, repository: Repository, commit: str, revision: str) -> None:
        """GET of branches and tags."""

        def rows(names: dict[str, str], kind: str) -> list[dict[str, str]]:
            return [
                {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid}
                for name, oid in names.items()
            ]

        branches, tags = rows(repository.branches, "heads"), rows(repository.tags, "tags")
        self.json({"branches": branches, "tags": tags, "converts": []})

    def commits(self, repository: Repository, commit: str, revision: str) -> None:
        """GET of the history, newest first."""
        date = "2024-01-01T00:00:00.000Z"
        rows = [
            {"id": oid, "title": "a commit", "message": "", "date": date, "authors": []}
            for oid in reversed(repository.history)
        ]
        self.json(rows)

    def info(self, repository: Repository, commit: str, revision: str) -> None:
        """GET of the model's page as data."""
        tree = repository.commits[commit]
        blobs = "blobs" in parse_qs(urlsplit(self.path).query)
        siblings = [self._sibling(path, entry, blobs) for path, entry in sorted(tree.items())]
        known = {"private": repository.private, "gated": repository.gated, "tags": []}
        name = repository.name
        self.json({"id": name, "modelId": name, "sha": commit, "siblings": siblings, **known})

    def _sibling(self, path: str, entry: Entry, blobs: bool) -> dict[str, object]:
        row: dict[str, object] = {"rfilename": path}
        if blobs:
            row |= {"size": len(entry.data), "blobId": entry.etag[:40]}
        if blobs and entry.lfs:
            row["lfs"] = {"sha256": entry.sha256, "size": len(entry.data), "pointerSize": 134}
        return row

    def _row(self, path: str, entry: Entry) -> dict[str, object]:
        row: dict[str, object] = {"type": "file", "path": path, "size": len(entry.data)}
        row["oid"] = entry.etag[:40]
        if entry.lfs:
            row["lfs"] = {"oid": entry.sha256, "size": len(entry.data), "pointerSize": 134}
        return row

    def tree(self, repository: Repository, commit: str, revision: str) -> None:
        """GET of the files of a commit."""
        files = repository.commits[commit]
        self.json([self._row(path, entry) for path, entry in sorted(files.items())])

    def paths_info(self, repository: Repository, commit: str, revision: str) -> None:
        """POST of paths, back come those that exist."""
        if self.headers.get("Content-Type", "").startswith("application/json"):
            paths = json.loads(self.body)["paths"]
        else:
            paths = parse_qs(self.body.decode())["paths"]
        files = repository.commits[commit]
        self.json([self._row(path, files[path]) for path in paths if path in files])

    def file(self, repository: Repository, commit: str, revision: str, path: str) -> None:
        """HEAD or GET of one file, a range of it where asked."""
        entry = repository.commits[commit].get(path)
        if entry is None:
            return self.refuse(404, "EntryNotFound", f"{path} does not exist")
        headers = {"X-Repo-Commit": commit, "ETag": f'"{entry.etag}"', "Accept-Ranges": "bytes"}
        if entry.lfs:
            headers |= {"X-Linked-Etag": f'"{entry.sha256}"'}
            headers |= {"X-Linked-Size": str(len(entry.data))}
            if self.hub.redirect is not None:
                headers["Location"] = f"{self.hub.redirect}/cdn/{entry.sha256}"
                return self.send(302, b"", headers)
        self._bytes(entry.data, headers)

    def cdn(self, oid: str) -> None:
        """Large files of another origin."""
        self._bytes(self.hub.large[oid], {"ETag": f'"{oid}"', "Accept-Ranges": "bytes"})

    def _bytes(self, data: bytes, headers: dict[str, str]) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if wanted is None or not self.hub.ranges:
            return self.send(200, data, headers)
        first = int(wanted[1])
        last = min(int(wanted[2]), len(data) - 1) if wanted[2] else len(data) - 1
        if first >= len(data):
            return self.send(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        self.send(206, data[first : last + 1], headers)
