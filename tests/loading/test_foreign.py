"""Repositories in a format that a plugin claims: exactly its files, verified, and no code."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import zoo_core as zoo
from hub.loopback import LoopbackHub
from loading import lab
from loading.lab import WEIGHTS, Lab
from zoo_core.checkpoints.reader import NanWarning
from zoo_core.errors import (
    FileNotOnHubError,
    FormatError,
    HookError,
    IntegrityError,
    OfflineError,
    PluginError,
    UnknownNameError,
    UnsafeFileError,
)
from zoo_core.loading.foreign import ForeignRepository, tree_source
from zoo_core.loading.locating import UnpinnedWarning
from zoo_core.plugins import register_hooks, unregister_hooks
from zoo_core.publishing.comparing import compare

REPO = "somebody/lab"
pytestmark = pytest.mark.filterwarnings("ignore::zoo_core.loading.locating.UnpinnedWarning")


@pytest.fixture
def plugin() -> Iterator[Lab]:
    hooks = Lab()
    register_hooks(hooks)
    yield hooks
    unregister_hooks(hooks)


@pytest.fixture
def served(hub: LoopbackHub, plugin: Lab) -> LoopbackHub:
    """A Hub with the model, and beside it what nobody may touch."""
    beside = {"pytorch_model.bin": b"\x80\x02", "modeling.py": b"raise SystemExit", "x.txt": b"x"}
    hub.repository(REPO).put({**lab.files(), **beside})
    return hub


def _pin(hub: LoopbackHub) -> str:
    return f"hf://{REPO}@{hub.repositories[REPO].branches['main']}"


def test_a_claimed_repository_loads(served: LoopbackHub, plugin: Lab) -> None:
    with pytest.warns(UnpinnedWarning, match=_pin(served)):
        model = zoo.load(f"hf://{REPO}")
    compare(lab.gaussian(), model)
    assert not model.training
    (opening,) = plugin.openings
    assert opening.mappable
    assert opening.origin == f"hf://{REPO}@main"
    assert not opening.folder.exists()


def test_only_what_is_claimed_is_fetched_and_shown(served: LoopbackHub, plugin: Lab) -> None:
    zoo.load(_pin(served))
    assert sorted(plugin.seen[0]) == ["lab.json", WEIGHTS]
    fetched = [request.path for request in served.requests if "/resolve/" in request.path]
    assert sorted(path.rpartition("/")[2] for path in fetched) == ["lab.json", "lab.safetensors"]


def test_a_warm_load_asks_nothing_and_hashes_nothing(
    served: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = _pin(served)
    zoo.load(pin)
    served.requests.clear()
    monkeypatch.setattr("zoo_core.checkpoints.pieces._scan", None)
    compare(lab.gaussian(), zoo.load(pin))
    assert served.requests == []


def test_offline_is_complete_or_names_what_is_missing(
    served: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = _pin(served)
    files = zoo.pull(f"hf://{REPO}").files
    with monkeypatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        compare(lab.gaussian(), zoo.load(pin))
        compare(lab.gaussian(), zoo.load(f"hf://{REPO}"))
        files[WEIGHTS].unlink()
        with pytest.raises(OfflineError, match=rf"missing: {WEIGHTS}\."):
            zoo.load(pin)
        files["lab.json"].unlink()
        with pytest.raises(OfflineError, match=rf"lab\.json, {WEIGHTS}"):
            zoo.load(pin)
    compare(lab.gaussian(), zoo.load(pin))


def test_pull_brings_and_verifies_without_opening(served: LoopbackHub, plugin: Lab) -> None:
    located = zoo.pull(_pin(served))
    assert located.pin == _pin(served)
    assert sorted(located.files) == ["lab.json", WEIGHTS]
    assert plugin.openings == []
    path = located.files[WEIGHTS].resolve()
    path.write_bytes(path.read_bytes()[:-1] + b"\x55")
    with pytest.raises(IntegrityError, match="Delete it"):
        zoo.pull(_pin(served))


@pytest.mark.parametrize("name", ["lab.json", WEIGHTS])
def test_a_tampered_cache_is_noticed(served: LoopbackHub, plugin: Lab, name: str) -> None:
    zoo.load(_pin(served))
    path = zoo.pull(_pin(served)).files[name].resolve()
    good = path.read_bytes()
    path.write_bytes(good[:-2] + bytes([good[-2] ^ 1]) + good[-1:])
    with pytest.raises(IntegrityError, match="Delete it"):
        zoo.load(_pin(served))
    assert len(plugin.openings) == 1
    path.unlink()
    compare(lab.gaussian(), zoo.load(_pin(served)))


def test_device_and_dtype_are_the_callers(served: LoopbackHub, plugin: Lab) -> None:
    model = zoo.load(_pin(served), device="cpu", dtype=torch.float64)
    assert model.dtype is torch.float64
    assert plugin.openings[0].device == torch.device("cpu")


def test_a_folder_loads_too(plugin: Lab, tmp_path: Path) -> None:
    folder = lab.write(tmp_path / "m", lab.files())
    lab.write(folder, {".git/config.safetensors": b"", "notes.py": b"raise SystemExit"})
    for ref in (folder, str(folder), f"file://{folder}"):
        compare(lab.gaussian(), zoo.load(ref))
    assert not plugin.openings[0].mappable
    assert plugin.seen[0] == {name: folder / name for name in ("lab.json", WEIGHTS)}
    assert zoo.pull(folder).pin is None


def test_where_links_cant_be_made_files_are_copied(
    plugin: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError("no privilege")

    monkeypatch.setattr(os, "symlink", refuse)
    monkeypatch.setattr(os, "link", refuse)
    folder = lab.write(tmp_path / "m", lab.files())
    compare(lab.gaussian(), zoo.load(folder))
    assert plugin.seen[0][WEIGHTS] != folder / WEIGHTS


def test_nan_in_the_weights_is_told(plugin: Lab, tmp_path: Path) -> None:
    model = lab.gaussian()
    name, tensor = next(iter(model.named_parameters()))
    with torch.no_grad():
        tensor.view(-1)[0] = float("nan")
    folder = lab.write(tmp_path / "m", lab.files(model))
    for _ in range(2):  # the second time it is remembered
        with pytest.warns(NanWarning, match=name):
            zoo.load(folder)


# What is refused.


def test_pickles_only(hub: LoopbackHub, plugin: Lab) -> None:
    hub.repository(REPO).put({"lab.json": b"{}", "pytorch_model.bin": b"x", "a/b.ckpt": b"x"})
    with pytest.raises(UnsafeFileError, match=r"pytorch_model\.bin.*Ask its owner"):
        zoo.load(f"hf://{REPO}")
    assert not [request for request in hub.requests if "/resolve/" in request.path]


@pytest.mark.parametrize(
    "name",
    ["modeling.py", "pytorch_model.bin", "x.pt", "x.pkl", "x.h5", "x.msgpack", "x.onnx", "x.npz"],
)
def test_a_claim_on_what_is_no_text_and_no_safetensors(
    served: LoopbackHub, plugin: Lab, name: str
) -> None:
    served.repository(REPO).put({**lab.files(), name: b"x"})
    plugin.files = (*plugin.files, name)
    with pytest.raises(UnsafeFileError, match=name):
        zoo.load(f"hf://{REPO}")
    assert plugin.openings == []


@pytest.mark.parametrize("name", ["../lab.json", "/etc/passwd.txt", "a/../b.txt", "a\\b.txt", ""])
def test_a_claim_on_files_outside(plugin: Lab, tmp_path: Path, name: str) -> None:
    folder = lab.write(tmp_path / "m", lab.files())
    plugin.files = (*plugin.files, name)
    with pytest.raises(UnsafeFileError, match="inside"):
        zoo.load(folder)


def test_a_listing_of_files_outside(hub: LoopbackHub, plugin: Lab) -> None:
    hub.repository(REPO).put({**lab.files(), "../evil.json": b"{}"})
    with pytest.raises(UnsafeFileError, match="inside"):
        zoo.load(f"hf://{REPO}")


def test_names_that_are_one_on_some_systems(plugin: Lab, tmp_path: Path) -> None:
    folder = lab.write(tmp_path / "m", {**lab.files(), "LAB.json": b"{}"})
    plugin.files = (*plugin.files, "LAB.json")
    with pytest.raises(UnsafeFileError, match="name of its own"):
        zoo.load(folder)


def test_a_claim_on_what_isnt_there(served: LoopbackHub, plugin: Lab) -> None:
    plugin.files = (*plugin.files, "shard-2.safetensors")
    with pytest.raises(FormatError, match=r"none named shard-2\.safetensors"):
        zoo.load(_pin(served))


def test_a_pickle_called_text(plugin: Lab, tmp_path: Path) -> None:
    folder = lab.write(tmp_path / "m", {**lab.files(), "spiece.model": b"\x80\x04K\x01."})
    plugin.files = (*plugin.files, "spiece.model")
    with pytest.raises(UnsafeFileError, match="pickle"):
        zoo.load(folder)
    assert plugin.openings == []


def test_a_pickle_called_safetensors(plugin: Lab, tmp_path: Path) -> None:
    folder = lab.write(tmp_path / "m", {**lab.files(), WEIGHTS: b"\x80\x04K\x01."})
    with pytest.raises(UnsafeFileError, match="pickle"):
        zoo.load(folder)
    assert plugin.openings == []


def test_a_huge_text_is_not_even_fetched(hub: LoopbackHub, plugin: Lab) -> None:
    hub.repository(REPO).put({**lab.files(), "lab.json": b" " * (16 * 2**20 + 1)})
    with pytest.raises(FormatError, match=r"lab\.json of at most"):
        zoo.load(f"hf://{REPO}")
    assert not [request for request in hub.requests if "/resolve/" in request.path]


def test_a_mapping_with_a_key_twice(plugin: Lab, tmp_path: Path) -> None:
    folder = lab.write(tmp_path / "m", {**lab.files(), "lab.json": b'{"a": 1, "a": 2}'})
    with pytest.raises(FormatError, match="duplicate key"):
        zoo.load(folder)


def test_what_the_plugin_refuses_passes_as_it_is(plugin: Lab, tmp_path: Path) -> None:
    folder = lab.write(tmp_path / "m", lab.files(code=True))
    with pytest.raises(FormatError, match="no code of its own"):
        zoo.load(folder)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (RuntimeError("size mismatch"), FormatError),
        (ImportError("No module named 'x'"), PluginError),
        (IntegrityError("of the zoo's own"), IntegrityError),
        (MemoryError("none left"), MemoryError),
    ],
)
def test_what_a_library_raises_is_told_as_ours(
    plugin: Lab, tmp_path: Path, raised: Exception, expected: type[Exception]
) -> None:
    def fail(opening: object) -> None:
        raise raised

    plugin.open = fail
    folder = lab.write(tmp_path / "m", lab.files())
    with pytest.raises(expected, match=str(raised)) as caught:
        zoo.load(folder)
    assert type(caught.value) is expected
    plugin.open = lambda opening: "no model"
    with pytest.raises(HookError, match="a str"):
        zoo.load(folder)


def test_the_private_folder_is_in_no_message(plugin: Lab, tmp_path: Path) -> None:
    plugin.open = lambda opening: (opening.folder / "absent").read_bytes()
    folder = lab.write(tmp_path / "m", lab.files())
    with pytest.raises(FormatError) as caught:
        zoo.load(folder)
    assert f"{folder}/absent" in str(caught.value)
    assert not plugin.openings[0].folder.exists()


def test_a_folder_of_many_files_is_no_model(
    plugin: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo_core.loading.foreign._MOST_FILES", 3)
    lab.write(tmp_path / "m", {f"{i}.txt": b"" for i in range(4)})
    with pytest.raises(FormatError, match="at most 3 files"):
        zoo.load(tmp_path / "m")


def test_a_repository_of_no_known_format(hub: LoopbackHub, plugin: Lab, tmp_path: Path) -> None:
    hub.repository(REPO).put({"data.csv": b"1"})
    with pytest.raises(FileNotOnHubError, match=r"data\.csv"):
        zoo.load(f"hf://{REPO}")
    with pytest.raises(FormatError, match="no files"):
        (tmp_path / "empty").mkdir()
        zoo.load(tmp_path / "empty")


def test_a_mark_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = lab.write(tmp_path / "m", {"config.json": b'{"hidden_size": 8}', WEIGHTS: b""})
    with pytest.raises(FormatError, match=r"the config\.json has no .*model_type \(transformers\)"):
        zoo.load(folder)


def test_a_text_that_isnt_there_is_told_as_such(tmp_path: Path) -> None:
    folder = lab.write(tmp_path / "m", lab.files())
    repository = ForeignRepository.of(tree_source(folder))
    with pytest.raises(FormatError, match=r"has a file parts/lab\.json\. Received: no such file"):
        repository.read("parts/lab.json")


@pytest.mark.parametrize("page", ["", "/", "/tree/main", "/blob/main/config.json"])
def test_the_address_of_a_page_is_answered_with_the_reference(page: str) -> None:
    meant = "hf://o/some.repo@main" if "main" in page else "hf://o/some.repo"
    with pytest.raises(UnknownNameError, match=f"Write {meant}.$"):
        zoo.load(f"https://huggingface.co/o/some.repo{page}")
    with pytest.raises(UnknownNameError, match="is hf://owner/repo, a folder"):
        zoo.load("s3://o/some.repo")


def test_a_bare_repository_is_answered_with_the_reference() -> None:
    with pytest.raises(UnknownNameError, match="is written hf://Open-Community/gpt2"):
        zoo.load("Open-Community/gpt2")
    with pytest.raises(UnknownNameError) as caught:
        zoo.load("core/gpt2")
    assert "hf://" not in str(caught.value)


def test_nothing_warns_of_a_pinned_reference(served: LoopbackHub) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnpinnedWarning)
        zoo.load(_pin(served))
