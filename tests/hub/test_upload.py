"""Uploads: one commit, one tag, never twice, whatever the wire does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hub.loopback import Fault, FaultKind, LoopbackHub
from zoo_core.errors import HubError, PrivateRepositoryError
from zoo_core.hub import upload
from zoo_core.hub.upload import Upload

REPO = "somebody/flow"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    contents = {"config.json": b"{}", "model.safetensors": os.urandom(5000)}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    return {name: tmp_path / name for name in contents}


def _push(files: dict[str, Path], tag: str | None = None) -> str:
    head = upload.make_repository(REPO, private=False)
    oid = upload.commit(REPO, Upload(files), head.commit)
    if tag is not None:
        upload.tag(REPO, tag, oid)
    return oid


def _commits(hub: LoopbackHub) -> int:
    return len(hub.repositories[REPO].history) - 1


@pytest.mark.parametrize("part", [None, 2000])
def test_files_arrive_in_one_commit(
    writer: LoopbackHub, files: dict[str, Path], part: int | None
) -> None:
    writer.multipart = part
    oid = _push(files, "v1")
    repository = writer.repositories[REPO]
    assert {n: e.data for n, e in repository.commits[oid].items()} == {
        n: p.read_bytes() for n, p in files.items()
    }
    assert _commits(writer) == 1
    assert repository.tags == {"v1": oid}


@pytest.mark.parametrize("kind", [FaultKind.STATUS, FaultKind.RESET, FaultKind.CUT_AFTER])
@pytest.mark.parametrize("path", ["/api/repos/create", "/commit/", "/tag/"])
def test_failures_are_repeated_only_after_a_look(
    writer: LoopbackHub, files: dict[str, Path], kind: FaultKind, path: str
) -> None:
    writer.fault(Fault(kind, method="POST", path=path, status=503))
    oid = _push(files, "v1")
    assert _commits(writer) == 1
    assert writer.repositories[REPO].tags == {"v1": oid}


def test_nothing_new_makes_no_commit(writer: LoopbackHub, files: dict[str, Path]) -> None:
    assert _push(files, "v1") == _push(files, "v1")
    assert _commits(writer) == 1


def test_a_commit_of_somebody_else_is_not_overwritten(
    writer: LoopbackHub, files: dict[str, Path]
) -> None:
    head = upload.make_repository(REPO, private=False)
    writer.repositories[REPO].put({"config.json": b"theirs"})
    with pytest.raises(HubError, match="another commit"):
        upload.commit(REPO, Upload(files), head.commit)
    assert (
        writer.repositories[REPO]
        .commits[writer.repositories[REPO].branches["main"]]["config.json"]
        .data
        == b"theirs"
    )


def test_a_tag_never_moves(writer: LoopbackHub, files: dict[str, Path]) -> None:
    first = _push(files, "v1")
    files["config.json"].write_bytes(b"[]")
    second = _push(files)
    with pytest.raises(HubError, match="never moves"):
        upload.tag(REPO, "v1", second)
    assert writer.repositories[REPO].tags == {"v1": first}
    with pytest.raises(HubError, match="never moves"):
        upload.check_tag_is_free(REPO, "v1", second)


def test_without_a_token_the_remedy_is_to_log_in(hub: LoopbackHub) -> None:
    with pytest.raises(PrivateRepositoryError, match=r"no token sent.*[Ll]og in"):
        upload.make_repository(REPO, private=False)


def test_a_private_repository(writer: LoopbackHub) -> None:
    upload.make_repository(REPO, private=True)
    assert writer.repositories[REPO].private


def test_files_that_are_gone_are_removed(writer: LoopbackHub, files: dict[str, Path]) -> None:
    oid = _push(files)
    config = {"config.json": files["config.json"]}
    oid = upload.commit(REPO, Upload(config, removed=["model.safetensors"]), oid)
    assert writer.repositories[REPO].commits[oid].keys() == {"config.json"}
