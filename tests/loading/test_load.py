"""A model by reference: pushed by one process, loaded by others, with and without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
import torch
import yaml

import zoo_core as zoo
from hub.loopback import LoopbackHub
from hub.standins import models
from zoo_core.errors import (
    FileNotOnHubError,
    FormatError,
    IntegrityError,
    OptionError,
    PluginMissingError,
    UnknownNameError,
)
from zoo_core.interfaces.model import Model
from zoo_core.loading.locating import UnpinnedWarning
from zoo_core.publishing import Card, Metric, push, save
from zoo_core.publishing.comparing import compare

REPO = "somebody/vae"
pytestmark = pytest.mark.filterwarnings("ignore::zoo_core.loading.locating.UnpinnedWarning")


@pytest.fixture
def model() -> Model:
    return models()["vae"]


@contextmanager
def _no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("a socket was opened")

    huggingface_hub.close_session()  # connections that are open already would do without
    with monkeypatch.context() as patch:
        patch.setattr("socket.socket.connect", refuse)
        patch.setattr("socket.create_connection", refuse)
        patch.setattr("socket.getaddrinfo", refuse)
        yield


@pytest.mark.parametrize("name", sorted(models()))
def test_pushed_and_loaded_is_the_same(writer: LoopbackHub, name: str) -> None:
    model = models()[name]
    pushed = push(model, "somebody/m", tag="v1")
    for ref in ("hf://somebody/m@v1", "hf://somebody/m", pushed.pin):
        compare(model, zoo.load(ref))


@pytest.mark.parametrize("pinned", [True, False])
def test_a_warm_load_works_with_every_socket_blocked(
    writer: LoopbackHub, model: Model, monkeypatch: pytest.MonkeyPatch, pinned: bool
) -> None:
    pushed = push(model, REPO, tag="v1")
    ref = pushed.pin if pinned else f"hf://{REPO}@v1"
    zoo.load(ref)
    writer.requests.clear()
    with _no_network(monkeypatch):
        compare(model, zoo.load(ref))
    assert writer.requests == []


_CHILD = """
import sys, warnings, torch
from hub import standins
standins.install()
import zoo_core as zoo
warnings.simplefilter("ignore")
results = []
for ref in sys.argv[2:]:
    model = zoo.load(ref)
    x = model.sample(16, rng=zoo.rng(3))
    results.append([x, model.log_prob(x, rng=zoo.rng(4))])
torch.save(results, sys.argv[1])
print("huggingface_hub" in sys.modules)
"""


def _elsewhere(
    refs: list[str], out: Path, environment: dict[str, str]
) -> tuple[list[list[torch.Tensor]], str]:
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    command = [sys.executable, "-c", _CHILD, str(out), *refs]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return torch.load(out), done.stdout.strip()


def test_other_processes_get_equal_bits(writer: LoopbackHub, model: Model, tmp_path: Path) -> None:
    pushed = push(model, REPO, tag="v1")
    folder, out = save(model, tmp_path / "saved"), tmp_path / "out.pt"
    x = model.sample(16, rng=zoo.rng(3))
    score = model.log_prob(x, rng=zoo.rng(4))
    other = {"HF_HOME": str(tmp_path / "elsewhere"), "ZOO_HOME": str(tmp_path / "zoo2")}
    online, _ = _elsewhere([f"hf://{REPO}@v1", str(folder), f"file://{folder}"], out, other)
    # A pinned warm load doesn't even import the client; nor does a folder.
    gone = {**other, "HF_ENDPOINT": "http://127.0.0.1:9"}
    offline, imported = _elsewhere([pushed.pin, str(folder)], out, gone)
    assert imported == "False"
    for theirs in online + offline:
        assert torch.equal(theirs[0], x)
        assert torch.equal(theirs[1], score)


def test_an_unpinned_reference_reports_the_pin(writer: LoopbackHub, model: Model) -> None:
    pushed = push(model, REPO)
    with pytest.warns(UnpinnedWarning, match=pushed.pin):
        zoo.load(f"hf://{REPO}")
    assert zoo.pull(f"hf://{REPO}").pin == pushed.pin


def _register(entry: dict, monkeypatch: pytest.MonkeyPatch, bundled: Path | None = None) -> None:
    """Put an entry as the registry gives it behind the name test/vae."""
    files = {name: SimpleNamespace(**file) for name, file in entry["files"].items()}
    source = entry["sources"].get("hub")
    sources = SimpleNamespace(hub=SimpleNamespace(**source) if source else None)
    described = SimpleNamespace(files=files, sources=sources)
    model = SimpleNamespace(name="test/vae", entry=described, bundled=bundled)

    def find(name: str) -> SimpleNamespace:
        if name != "test/vae":
            raise UnknownNameError(f"No model is called {name}", remedy="Did you mean test/vae?")
        return model

    monkeypatch.setattr("zoo_core.registry.find", find)


def _entry(text: str) -> dict:
    (entry,) = yaml.safe_load(text).values()
    return entry


def test_a_registered_model_is_loaded_by_its_name(
    writer: LoopbackHub, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    _register(_entry(push(model, REPO).entry), monkeypatch)
    compare(model, zoo.load("test/vae"))
    writer.requests.clear()
    with _no_network(monkeypatch):
        compare(model, zoo.load("test/vae"))
        zoo.pull("test/vae")
    assert writer.requests == []


def test_a_bundled_model_needs_no_hub(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: LoopbackHub
) -> None:
    entry = _entry(push(model, REPO).entry)
    save(model, tmp_path / "bundled")
    for name in ("README.md", "zoo_manifest.json"):  # the card names another reference there
        del entry["files"][name]
    _register(entry, monkeypatch, tmp_path / "bundled")
    writer.requests.clear()
    compare(model, zoo.load("test/vae"))
    assert writer.requests == []
    path = tmp_path / "bundled/model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x55")
    with pytest.raises(IntegrityError, match="sha256"):
        zoo.load("test/vae")
    with pytest.raises(IntegrityError, match="sha256"):
        zoo.pull("test/vae")


def test_a_tampered_cache_is_noticed(writer: LoopbackHub, model: Model) -> None:
    pushed = push(model, REPO)
    for name in ("model.safetensors", "config.json"):
        zoo.load(pushed.pin)
        path = zoo.pull(pushed.pin).files[name].resolve()
        good = path.read_bytes()
        path.write_bytes(good[:-2] + bytes([good[-2] ^ 1]) + good[-1:])
        with pytest.raises(IntegrityError, match="Delete it"):
            zoo.load(pushed.pin)
        path.unlink()
        compare(model, zoo.load(pushed.pin))


def test_a_bare_name_is_never_a_folder(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _register({"files": {}, "sources": {}}, monkeypatch)
    save(model, tmp_path / "test/mine")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError, match=r"write \./test/mine"):
        zoo.load("test/mine")
    for ref in (
        "./test/mine",
        Path("test/mine"),
        tmp_path / "test/mine",
        "../" + tmp_path.name + "/test/mine",
    ):
        compare(model, zoo.load(ref))


@pytest.mark.parametrize("ref", ["", "a\0b", 3, None, "file://elsewhere/x", "hf://x"])
def test_wrong_references(ref: object) -> None:
    with pytest.raises(OptionError):
        zoo.load(ref)  # type: ignore[arg-type]


def test_device_and_dtype(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "m")
    loaded = zoo.load(tmp_path / "m", device="cpu", dtype=torch.float64)
    assert loaded.dtype is torch.float64
    with pytest.raises(OptionError, match="floating"):
        zoo.load(tmp_path / "m", dtype=torch.int64)


def test_what_is_no_saved_model(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.repository("somebody/other").put({"data.csv": b"x"})
    with pytest.raises(FileNotOnHubError, match=r"config\.json"):
        zoo.load("hf://somebody/other")
    hub.repository("somebody/game").put({"config.json": b'{"board": "chess"}'})
    with pytest.raises(FormatError, match="format"):
        zoo.load("hf://somebody/game")
    with pytest.raises(FormatError, match="folder of a saved model"):
        zoo.load(tmp_path / "nothing")


# Publishing.


def test_an_edited_card_on_the_hub_is_kept(writer: LoopbackHub, model: Model) -> None:
    push(model, REPO)
    repository = writer.repositories[REPO]

    def card() -> bytes:
        return repository.commits[repository.branches["main"]]["README.md"].data

    assert b"test/linear-vae" in card()
    push(model, REPO, card=Card(summary="Newer words."))
    assert b"Newer words." in card()
    repository.put({"README.md": b"Mine."})
    for summary in ("Even newer.", "Newest."):
        push(model, REPO, card=Card(summary=summary))
        assert card() == b"Mine."
    compare(model, zoo.load(f"hf://{REPO}"))


def test_an_edited_card_of_a_folder_goes_along(
    writer: LoopbackHub, model: Model, tmp_path: Path
) -> None:
    zoo.save(model, tmp_path / "mine")
    push(tmp_path / "mine", REPO)
    repository = writer.repositories[REPO]

    def card() -> bytes:
        return repository.commits[repository.branches["main"]]["README.md"].data

    assert f"hf://{REPO}".encode() in card()
    (tmp_path / "mine" / "README.md").write_bytes(b"My own words.")
    push(str(tmp_path / "mine"), REPO)
    assert card() == b"My own words."
    compare(model, zoo.load(f"hf://{REPO}"))


def test_the_card_and_the_entry_say_what_is_known(writer: LoopbackHub, model: Model) -> None:
    metric = Metric("bits/dim", 2.5, 0.1, n=450, kind="lower-bound", measure="mass")
    card = Card(
        title="A small VAE",
        licenses={"weights": "Apache-2.0", "code": "Apache-2.0", "data": "BSD-3-Clause"},
        dataset="digits",
        metrics=[metric],
        tags=["image"],
        citation="@article{x}",
    )
    pushed = push(model, REPO, tag="v1", card=card)
    repository = writer.repositories[REPO]
    text = repository.commits[pushed.commit]["README.md"].data.decode()
    head = yaml.safe_load(text.split("---")[1])
    assert head["license"] == "apache-2.0"
    assert head["model-index"][0]["results"][0]["metrics"][0]["value"] == 2.5
    assert f'zoo.load("hf://{REPO}@v1")' in text
    entry = _entry(pushed.entry)
    assert entry["sources"] == {"hub": {"repo": REPO, "revision": pushed.commit}}
    assert entry["files"].keys() == repository.commits[pushed.commit].keys()
    assert entry["metrics"] == [metric.fields()]
    assert entry["requires"] == "zoo-plugin-test>=1.0"
    assert repository.tags == {"v1": pushed.commit}


def test_shards_that_are_no_more_are_removed(
    writer: LoopbackHub, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        defaults = (Card(), None, {}, 40)
        patch.setattr("zoo_core.publishing.Wrapping", lambda *a, **k: _wrapping(defaults, a, k))
        push(model, REPO)
    repository = writer.repositories[REPO]
    assert "model.safetensors.index.json" in repository.commits[repository.branches["main"]]
    compare(model, zoo.load(f"hf://{REPO}"))
    push(model, REPO)
    names = sorted(repository.commits[repository.branches["main"]])
    assert names == ["README.md", "config.json", "model.safetensors", "zoo_manifest.json"]


def _wrapping(defaults: tuple, given: tuple, named: dict) -> object:
    from zoo_core.checkpoints.saving import Wrapping

    return Wrapping(*(*given, *defaults[len(given) :]), **named)


def test_a_class_that_is_not_registered_is_not_saved(model: Model, tmp_path: Path) -> None:
    class Other(type(models()["energy"]).__mro__[1]):  # type: ignore[misc]
        architecture = "test/other"
        Config = type(models()["energy"]).Config

        def _log_prob(self, z: torch.Tensor, call: zoo.Call) -> torch.Tensor:
            return z.sum(1)

    other = Other.create(space=zoo.Space.real(2))
    with pytest.raises(PluginMissingError, match=r"zoo\.register"):
        save(other, tmp_path / "m")


def test_a_model_that_is_not_itself_after_loading_is_not_pushed(
    writer: LoopbackHub, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        type(model), "_sample", lambda self, n, call: torch.full((n, 5), float(id(self) % 997))
    )
    with pytest.raises(IntegrityError, match="nothing was uploaded"):
        push(model, REPO)
    assert writer.count() == 0
