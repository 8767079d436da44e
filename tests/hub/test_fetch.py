"""Files from a Hub into the client's cache: verified, complete, and never asked for twice."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import huggingface_hub
import pytest

from hub.loopback import Entry, LoopbackHub
from hub.loopback.repositories import Repository
from zoo_core.errors import (
    GatedRepositoryError,
    IntegrityError,
    OfflineError,
    OptionError,
    PrivateRepositoryError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    UnsafeFileError,
)
from zoo_core.hub import Fetched, HubReference, Pin, fetch_pinned, resolve

BIG = os.urandom(50_000)
SMALL = b'{"a": 1}'
NAMES = ["config.json", "model.safetensors"]


@pytest.fixture
def repository(hub: LoopbackHub) -> Repository:
    repository = hub.repository("somebody/flow")
    repository.put({"config.json": SMALL, "model.safetensors": BIG, "sub/x.txt": b"x"})
    repository.tags["v1"] = repository.branches["main"]
    return repository


def _pins() -> dict[str, Pin]:
    files = {"config.json": SMALL, "model.safetensors": BIG}
    return {n: Pin(len(d), hashlib.sha256(d).hexdigest()) for n, d in files.items()}


def _fetch(reference: HubReference, names: list[str] | None = None) -> Fetched:
    resolved = resolve(reference)
    fetched = resolved.bring(resolved.listed.files if names is None else names)
    resolved.keep()
    return fetched


def _get(revision: str = "main", names: list[str] = NAMES) -> dict[str, bytes]:
    fetched = _fetch(HubReference("somebody/flow", revision), names)
    return {name: file.path.read_bytes() for name, file in fetched.files.items()}


@pytest.mark.parametrize("revision", ["main", "v1"])
def test_files_come_and_the_client_finds_them_too(
    hub: LoopbackHub, repository: Repository, revision: str
) -> None:
    assert _get(revision, [*NAMES, "sub/x.txt"])["model.safetensors"] == BIG
    cache = Path(os.environ["HF_HOME"]) / "hub"
    found = huggingface_hub.hf_hub_download(
        "somebody/flow", "sub/x.txt", revision=revision, cache_dir=cache, local_files_only=True
    )
    assert Path(found).read_bytes() == b"x"
    report = huggingface_hub.scan_cache_dir(cache)
    assert not report.warnings
    assert next(iter(report.repos)).size_on_disk == len(BIG) + len(SMALL) + 1


def test_what_the_client_has_downloaded_is_used(hub: LoopbackHub, repository: Repository) -> None:
    cache = Path(os.environ["HF_HOME"]) / "hub"
    huggingface_hub.snapshot_download("somebody/flow", cache_dir=cache, endpoint=hub.endpoint)
    hub.requests.clear()
    assert _get()["model.safetensors"] == BIG
    assert hub.count(path="resolve") == 0


def test_a_pin_that_is_here_makes_no_request(hub: LoopbackHub, repository: Repository) -> None:
    reference = HubReference("somebody/flow", repository.branches["main"])
    fetch_pinned(reference, _pins())
    _get(reference.revision)
    hub.requests.clear()
    fetch_pinned(reference, _pins())
    _get(reference.revision)
    assert hub.requests == []


def test_a_tag_costs_one_request(hub: LoopbackHub, repository: Repository) -> None:
    _get("v1")
    hub.requests.clear()
    _get("v1")
    assert hub.count() == 1


def test_a_branch_that_moves_is_followed(hub: LoopbackHub, repository: Repository) -> None:
    _get()
    repository.put({"config.json": b"{}"})
    assert _get()["config.json"] == b"{}"
    assert hub.count("GET", "model.safetensors") == 1


def test_offline_is_complete(
    hub: LoopbackHub, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    _get()
    hub.requests.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert _get()["model.safetensors"] == BIG
    assert hub.requests == []


def test_or_offline_names_every_missing_file(
    hub: LoopbackHub, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = HubReference("somebody/flow", repository.branches["main"])
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(OfflineError, match=r"config\.json, model\.safetensors.*zoo pull"):
        fetch_pinned(reference, _pins())
    monkeypatch.delenv("HF_HUB_OFFLINE")
    _get(names=["config.json"])
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(OfflineError, match=r"missing: model\.safetensors"):
        _get()
    with pytest.raises(OfflineError, match="all files"):
        _get("v2")


def test_a_hub_that_is_gone_leaves_what_was_seen_last(
    hub: LoopbackHub,
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _get("v1")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert _get("v1")["config.json"] == SMALL
    assert repository.tags["v1"] in caplog.text


def test_the_hub_and_the_registry_must_agree(hub: LoopbackHub, repository: Repository) -> None:
    reference = HubReference("somebody/flow", repository.branches["main"])
    for wrong in (Pin(len(BIG), "0" * 64), Pin(len(BIG) + 1, _pins()["model.safetensors"].sha256)):
        with pytest.raises(IntegrityError, match="nothing was downloaded"):
            fetch_pinned(reference, {"model.safetensors": wrong})
    assert hub.count(path="resolve") == 0


@pytest.mark.parametrize(
    ("repo", "options", "error"),
    [
        ("somebody/nothing", {}, PrivateRepositoryError),
        ("somebody/secret", {"private": True}, PrivateRepositoryError),
        ("somebody/gated", {"gated": True}, GatedRepositoryError),
    ],
)
def test_refusals_without_a_token(
    hub: LoopbackHub, repo: str, options: dict[str, bool], error: type[Exception]
) -> None:
    if options:
        hub.repository(repo, **options).put({"config.json": SMALL})
    with pytest.raises(error, match="no token sent") as caught:
        _fetch(HubReference(repo))
    assert hub.endpoint in str(caught.value)


def test_refusals_with_a_token_never_show_it(writer: LoopbackHub) -> None:
    with pytest.raises(RepositoryNotFoundError, match="with a token") as caught:
        _fetch(HubReference("somebody/nothing"))
    assert "hf_writer" not in str(caught.value)
    writer.repository("somebody/secret", private=True).put({"config.json": SMALL})
    assert _fetch(HubReference("somebody/secret")).files


def test_an_unknown_revision(hub: LoopbackHub, repository: Repository) -> None:
    for revision in ("v9", "0" * 40):
        with pytest.raises(RevisionNotFoundError, match="no such branch"):
            _get(revision)


def test_the_token_stays_with_the_endpoint(writer: LoopbackHub, repository: Repository) -> None:
    with LoopbackHub() as other:
        other.large[hashlib.sha256(BIG).hexdigest()] = BIG
        writer.redirect = other.endpoint
        assert _get()["model.safetensors"] == BIG
        assert [request.token for request in other.requests] == [None]
    assert "hf_writer" in {request.token for request in writer.requests}


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", "a\\b", "a//b", "C:evil"])
def test_a_hostile_name_is_refused_before_anything_is_written(
    hub: LoopbackHub, home: Path, name: str
) -> None:
    repository = hub.repository("somebody/flow")
    repository.commit({name: Entry(b"x", lfs=False), "config.json": Entry(SMALL, lfs=False)})
    with pytest.raises(UnsafeFileError, match="inside the repository"):
        _fetch(HubReference("somebody/flow"), ["config.json"])
    assert not (home / "hf").exists()


@pytest.mark.parametrize(
    "text",
    ["hf://x", "hf://x/y/z", "hf://../y", "hf://x/..", "hf://x/y@", "hf://a--b/c", "hf:///y"],
)
def test_wrong_references(text: str) -> None:
    with pytest.raises(OptionError):
        HubReference.parse(text)


@pytest.mark.parametrize("revision", ["../x", "a/../b", "/x", "a//b", "-x", "x\0", "x y", "x/"])
def test_wrong_revisions(revision: str) -> None:
    with pytest.raises(UnsafeFileError):
        HubReference("a/b", revision)


def test_pins_stay_inside(hub: LoopbackHub) -> None:
    with pytest.raises(UnsafeFileError, match="inside"):
        fetch_pinned(HubReference("a/b", "0" * 40), {"../x": Pin(1, "0" * 64)})
    with pytest.raises(UnsafeFileError, match="may move"):
        fetch_pinned(HubReference("a/b", "main"), {"x": Pin(1, "0" * 64)})
