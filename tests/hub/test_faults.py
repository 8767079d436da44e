"""What goes wrong on the wire, and what comes of it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hub.loopback import Fault, FaultKind, LoopbackHub
from zoo_core.errors import DiskFullError, HubError, IntegrityError, TransportError, UnsafeFileError
from zoo_core.hub import HubReference, resolve, retrying
from zoo_core.hub import download as downloads

BIG = os.urandom(300_000)
FILE = "resolve/.*model"
LIST = "/api/models"


@pytest.fixture
def served(hub: LoopbackHub) -> LoopbackHub:
    hub.repository("somebody/flow").put({"model.safetensors": BIG, "config.json": b"{}"})
    return hub


def _get() -> bytes:
    resolved = resolve(HubReference("somebody/flow"))
    fetched = resolved.bring(resolved.listed.files)
    return fetched.files["model.safetensors"].path.read_bytes()


def _leftovers(home: Path) -> list[str]:
    return [path.name for path in (home / "hf").rglob("*incomplete*")]


@pytest.mark.parametrize("path", [LIST, FILE])
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_errors_are_retried(served: LoopbackHub, path: str, status: int) -> None:
    served.fault(Fault(FaultKind.STATUS, path=path, status=status, times=2))
    assert _get() == BIG
    assert sum(re.search(path, request.path) is not None for request in served.requests) == 3


@pytest.mark.parametrize("path", [LIST, FILE])
def test_resets_are_retried(served: LoopbackHub, path: str) -> None:
    served.fault(Fault(FaultKind.RESET, path=path, times=3))
    assert _get() == BIG


def test_retry_after_is_heeded(served: LoopbackHub) -> None:
    headers = {"Retry-After": "1"}
    served.fault(Fault(FaultKind.STATUS, path=LIST, status=429, headers=headers))
    start = time.monotonic()
    _get()
    assert time.monotonic() - start > 1


@pytest.mark.parametrize("path", [LIST, FILE])
@pytest.mark.parametrize("kind", [FaultKind.STATUS, FaultKind.RESET])
def test_and_given_up_in_the_end(served: LoopbackHub, path: str, kind: FaultKind) -> None:
    served.fault(Fault(kind, path=path, status=503, times=99))
    with pytest.raises(TransportError, match="kept failing") as caught:
        _get()
    assert served.endpoint in str(caught.value)
    assert "no token sent" in str(caught.value)


def test_other_errors_are_not_retried(served: LoopbackHub) -> None:
    served.fault(Fault(FaultKind.STATUS, path=FILE, status=418, times=9))
    with pytest.raises(HubError, match="418"):
        _get()
    assert served.count(path="resolve") - served.count(path="config.json") == 1


def test_a_cut_download_goes_on_where_it_stopped(served: LoopbackHub) -> None:
    served.fault(Fault(FaultKind.CUT, path=FILE, at=100_000, times=2))
    assert _get() == BIG
    ranges = [request.range for request in served.requests if "model.s" in request.path]
    assert ranges[0] is None
    assert all(r is not None for r in ranges[1:])


def test_a_hub_without_ranges_sends_it_all_again(served: LoopbackHub) -> None:
    served.ranges = False
    served.fault(Fault(FaultKind.CUT, path=FILE, at=100_000))
    assert _get() == BIG


def test_an_answer_that_is_too_long_is_not_kept(served: LoopbackHub) -> None:
    served.fault(Fault(FaultKind.REPLACE, path=FILE, body=BIG + b"more"))
    assert _get() == BIG


def test_an_answer_that_is_too_short_is_completed(served: LoopbackHub) -> None:
    served.fault(Fault(FaultKind.SHORT, path=FILE, at=1000))
    assert _get() == BIG


def test_one_flipped_bit_is_fetched_again(served: LoopbackHub) -> None:
    served.fault(Fault(FaultKind.FLIP, path=FILE, at=77))
    assert _get() == BIG


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_bits_that_keep_flipping_are_refused(served: LoopbackHub, home: Path, name: str) -> None:
    served.fault(Fault(FaultKind.FLIP, path=f"resolve/.*{name}", at=1, times=99))
    with pytest.raises(IntegrityError, match=f"{name}.*Nothing was kept"):
        _get()
    assert _leftovers(home) == []
    blobs = [path.name for path in (home / "hf").rglob("blobs/*")]
    assert hashlib.sha256(BIG).hexdigest() not in blobs or name == "config.json"


@pytest.mark.parametrize("etag", ["../../../evil", "..%2Fevil", "", "a" * 39, "G" * 64])
@pytest.mark.parametrize("large", [True, False])
def test_a_hostile_etag_is_refused_before_anything_is_written(
    served: LoopbackHub, home: Path, etag: str, large: bool
) -> None:
    commit = served.repositories["somebody/flow"].branches["main"]
    row: dict[str, object] = {"rfilename": "model.safetensors", "size": 3, "blobId": etag}
    if large:
        row |= {"blobId": "a" * 40, "lfs": {"sha256": etag, "size": 3, "pointerSize": 1}}
    body = json.dumps({"id": "somebody/flow", "sha": commit, "siblings": [row]}).encode()
    served.fault(Fault(FaultKind.REPLACE, path=LIST, body=body))
    with pytest.raises(UnsafeFileError, match="Nothing was written"):
        _get()
    assert not (home / "hf").exists()
    assert served.count(path="resolve") == 0


def test_etags_of_downloads_are_never_used(served: LoopbackHub, home: Path) -> None:
    headers = {"ETag": '"../../../../evil"', "X-Linked-Etag": '"../../../../evil"'}
    served.fault(Fault(FaultKind.HEADERS, path=FILE, headers=headers, times=9))
    assert _get() == BIG
    assert not list(home.rglob("evil*"))


def test_a_hostile_commit_is_refused(served: LoopbackHub, home: Path) -> None:
    body = json.dumps({"id": "somebody/flow", "sha": "../../evil", "siblings": []}).encode()
    served.fault(Fault(FaultKind.REPLACE, path=LIST, body=body))
    with pytest.raises(HubError, match="is at a commit"):
        _get()
    assert not (home / "hf").exists()


def test_slow_bodies_arrive(served: LoopbackHub) -> None:
    served.fault(Fault(FaultKind.SLOW, path=FILE, at=30_000, pause=0.02))
    assert _get() == BIG


def test_a_full_disk_is_said_and_leaves_nothing(
    served: LoopbackHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, stream: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/cache/blob")

    monkeypatch.setattr(downloads._Transfer, "_receive", full)
    with pytest.raises(DiskFullError, match="HF_HUB_CACHE"):
        _get()
    assert _leftovers(home) == []


def test_a_disk_known_to_be_too_small_is_not_filled(
    served: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(".")._replace(free=1000)
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda place: usage)
    with pytest.raises(DiskFullError, match=r"model\.safetensors"):
        _get()
    assert served.count(path="resolve") - served.count(path="config.json") == 0


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small tmpfs: Linux, root"
)
def test_a_disk_that_is_really_full(
    served: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        monkeypatch.setenv("HF_HUB_CACHE", str(small))
        # The check before the download is blinded, so that the write itself fails.
        usage = shutil.disk_usage(".")
        monkeypatch.setattr(downloads.shutil, "disk_usage", lambda place: usage)
        with pytest.raises(DiskFullError, match="room"):
            _get()
        assert not list(small.rglob("*incomplete*"))
    finally:
        subprocess.run(["umount", str(small)], check=True)


_CHILD = """
import sys
from zoo_core.hub import HubReference, resolve
resolved = resolve(HubReference("somebody/flow"))
fetched = resolved.bring(resolved.listed.files)
print(fetched.files["model.safetensors"].path)
"""


def _child() -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", _CHILD], env=environment, stdout=subprocess.PIPE, text=True
    )


def test_a_process_killed_in_mid_download(served: LoopbackHub, home: Path) -> None:
    served.fault(Fault(FaultKind.SLOW, path=FILE, at=10_000, pause=0.1))
    child = _child()
    deadline = time.monotonic() + 60
    partial = f"{hashlib.sha256(BIG).hexdigest()}.zoo-incomplete"
    while not any(path.stat().st_size for path in (home / "hf").rglob(partial)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
    child.communicate()
    assert not list((home / "hf").rglob("snapshots/*/model.safetensors"))
    assert _get() == BIG
    assert _leftovers(home) == []
    assert served.requests[-1].range is not None, "it goes on where the killed one stopped"


def test_two_processes_at_once(served: LoopbackHub, home: Path) -> None:
    served.fault(Fault(FaultKind.SLOW, path=FILE, at=30_000, pause=0.1))
    children = [_child(), _child()]
    places = [Path(child.communicate(timeout=120)[0].strip()) for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert all(place.read_bytes() == BIG for place in places)
    assert served.count("GET", "model.safetensors") == 1, "the second waits for the first"
    assert _leftovers(home) == []


def test_pauses_grow_and_are_blurred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST_PAUSE", 0.5)
    pauses = [retrying.pause_after(ConnectionError(), attempt) for attempt in (1, 2, 3, 20)]
    bounds = [(0.37, 0.63), (0.75, 1.25), (1.5, 2.5), (45, 75)]
    assert all(low <= p <= high for p, (low, high) in zip(pauses, bounds, strict=True))
