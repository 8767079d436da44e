"""Models saved and pushed in another library's format, and references of plugins' schemes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

import zoo_core as zoo
from hub.loopback import LoopbackHub
from hub.standins import models
from loading import lab
from loading.lab import WEIGHTS, Lab
from zoo_core.errors import (
    CheckpointError,
    FormatError,
    HookError,
    IntegrityError,
    UnknownNameError,
    UnsupportedError,
)
from zoo_core.hooks import hookimpl
from zoo_core.interfaces.model import Model
from zoo_core.plugins import register_hooks, unregister_hooks
from zoo_core.publishing import Card, push, save
from zoo_core.publishing.comparing import compare
from zoo_core.publishing.description import Described, Statement
from zoo_core.registry.schema import ModelEntry

REPO = "somebody/lab"
NAMES = ["README.md", "lab.json", WEIGHTS, "zoo_manifest.json"]
pytestmark = pytest.mark.filterwarnings("ignore::zoo_core.loading.locating.UnpinnedWarning")


@pytest.fixture(autouse=True)
def plugin() -> Iterator[Lab]:
    hooks = Lab()
    register_hooks(hooks)
    yield hooks
    unregister_hooks(hooks)


def names(folder: Path) -> list[str]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(path.relative_to(folder).as_posix() for path in found)


def test_saved_natively_both_load_it(plugin: Lab, tmp_path: Path) -> None:
    model = lab.gaussian()
    folder = save(model, tmp_path / "m", format="lab", card=Card(summary="A plane."))
    assert names(folder) == NAMES
    assert lab.files(model) == {name: (folder / name).read_bytes() for name in lab.files(model)}
    compare(model, zoo.load(folder))
    assert len(plugin.openings) == 1
    card = (folder / "README.md").read_text()
    head = yaml.safe_load(card.split("---")[1])
    assert head["library_name"] == "lab"
    assert "A plane." in card
    assert 'zoo.load("./m")' in card
    assert "format of lab" in card


def test_its_hashes_are_compared(tmp_path: Path) -> None:
    folder = save(lab.gaussian(), tmp_path / "m", format="lab")
    manifest = json.loads((folder / "zoo_manifest.json").read_text())
    assert sorted(manifest["files"]) == ["README.md", "lab.json", WEIGHTS]
    for name in ("lab.json", WEIGHTS):
        good = (folder / name).read_bytes()
        (folder / name).write_bytes(good[:-2] + bytes([good[-2] ^ 1]) + good[-1:])
        for act in (zoo.load, zoo.pull):
            with pytest.raises(IntegrityError, match="sha256"):
                act(folder)
        (folder / name).write_bytes(good)
    (folder / "README.md").write_text("Mine.")
    assert zoo.pull(folder).files["README.md"] == folder / "README.md"
    (folder / "README.md").unlink()
    compare(lab.gaussian(), zoo.load(folder))
    (folder / WEIGHTS).unlink()
    with pytest.raises(FormatError, match=f"none named {WEIGHTS}"):
        zoo.load(folder)


def test_saving_again_keeps_what_is_a_persons(tmp_path: Path) -> None:
    folder = save(lab.gaussian(), tmp_path / "m", format="lab")
    (folder / "README.md").write_text("Mine.")
    (folder / "notes").mkdir()
    (folder / "notes" / "a.txt").write_text("a")
    (folder / "weights" / "b.txt").write_text("b")
    other = models()["gaussian"]
    with torch.no_grad():
        next(other.parameters()).add_(1)
    save(other, folder, format="lab")
    compare(other, zoo.load(folder))
    assert names(folder) == sorted([*NAMES, "notes/a.txt", "weights/b.txt"])
    assert (folder / "README.md").read_text() == "Mine."
    # Over it in the zoo's own format: what the first save wrote goes, nothing else.
    save(other, folder)
    compare(other, zoo.load(folder))
    ours = ["README.md", "config.json", "model.safetensors", "zoo_manifest.json"]
    assert names(folder) == sorted([*ours, "notes/a.txt", "weights/b.txt"])


def test_where_something_else_is_nothing_changes(tmp_path: Path) -> None:
    lab.write(tmp_path / "m", {"lab.json": b"{}"})
    with pytest.raises(CheckpointError, match="something else"):
        save(lab.gaussian(), tmp_path / "m", format="lab")
    assert names(tmp_path / "m") == ["lab.json"]


@pytest.mark.parametrize(
    ("name", "format", "message"),
    [
        ("gaussian", "onnx", r"a plugin writes: .*transformers"),
        ("vae", "transformers", r"zoo-plugin-transformers writes.*test/linear-vae"),
        ("vae", "lab", "a plugin writes"),
    ],
)
def test_what_cant_be_saved_so(tmp_path: Path, name: str, format: str, message: str) -> None:
    save(models()["vae"], tmp_path / "m")
    before = {path: (tmp_path / "m" / path).read_bytes() for path in names(tmp_path / "m")}
    for folder in ("m", "new"):
        with pytest.raises(UnsupportedError, match=message):
            save(models()[name], tmp_path / folder, format=format)
    assert before == {path: (tmp_path / "m" / path).read_bytes() for path in names(tmp_path / "m")}
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "zoo") == ["m"]


def test_a_view_and_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnsupportedError, match="view"):
        save(models()["told"].given(1), tmp_path / "m", format="lab")
    monkeypatch.setattr(lab, "files", lambda model: {})
    with pytest.raises(HookError, match="empty"):
        save(lab.gaussian(), tmp_path / "m", format="lab")
    assert not (tmp_path / "m").exists()


def test_the_recipe_goes_along(tmp_path: Path, writer: LoopbackHub) -> None:
    folder = save(lab.gaussian(), tmp_path / "m", format="lab", recipe="steps: 3\n")
    assert (folder / "recipe.yaml").read_text() == "steps: 3\n"
    pushed = push(folder, REPO, format="lab")
    assert writer.repositories[REPO].commits[pushed.commit]["recipe.yaml"].data == b"steps: 3\n"
    for ref in (folder, pushed.pin):
        files = zoo.pull(ref).files
        assert sorted(files) == sorted([*NAMES, "recipe.yaml"])
        assert files["recipe.yaml"].read_bytes() == b"steps: 3\n"


def _held(hub: LoopbackHub, commit: str) -> list[str]:
    return sorted(hub.repositories[REPO].commits[commit])


def test_pushed_natively_it_is_compared_first(writer: LoopbackHub, plugin: Lab) -> None:
    model = lab.gaussian()
    pushed = push(model, REPO, tag="v1", format="lab")
    assert len(plugin.openings) == 1  # the comparison before anything was sent
    assert _held(writer, pushed.commit) == NAMES
    compare(model, zoo.load(pushed.pin))
    # The zoo's own format in its place, and back: nothing of the other is left.
    ours = push(model, REPO)
    assert WEIGHTS not in _held(writer, ours.commit)
    compare(model, zoo.load(ours.pin))
    again = push(ours.pin, REPO, format="lab")
    assert _held(writer, again.commit) == NAMES


def test_what_doesnt_come_back_is_not_sent(writer: LoopbackHub, plugin: Lab) -> None:
    plugin.open = lambda opening: models()["gaussian"].double()
    with pytest.raises(IntegrityError, match="nothing was uploaded"):
        push(lab.gaussian(), REPO, format="lab")
    assert writer.count() == 0


def test_an_edited_card_goes_along(writer: LoopbackHub, tmp_path: Path) -> None:
    folder = save(lab.gaussian(), tmp_path / "m", format="lab")
    (folder / "README.md").write_bytes(b"My own words.")
    pushed = push(folder, REPO, format="lab")
    commit = writer.repositories[REPO].commits[pushed.commit]
    assert commit["README.md"].data == b"My own words."


def test_the_entry_loads_by_name(
    writer: LoopbackHub, plugin: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry pins the files of another format as it pins our own."""
    licenses: dict[str, str] = dict.fromkeys(("weights", "code", "data"), "Apache-2.0")
    pushed = push(lab.gaussian(), REPO, format="lab", card=Card(licenses=licenses))
    (fields,) = yaml.safe_load(pushed.entry).values()
    ModelEntry.model_validate(fields)
    files = {name: SimpleNamespace(**file) for name, file in fields["files"].items()}
    place = SimpleNamespace(hub=SimpleNamespace(**fields["sources"]["hub"]))
    entry = SimpleNamespace(files=files, sources=place)
    found = SimpleNamespace(name="test/lab", entry=entry, bundled=None)
    monkeypatch.setattr("zoo_core.registry.find", lambda name: found)
    compare(lab.gaussian(), zoo.load("test/lab"))
    writer.requests.clear()
    compare(lab.gaussian(), zoo.load("test/lab"))
    assert writer.requests == []
    assert sorted(plugin.seen[-1]) == ["lab.json", WEIGHTS]
    files[WEIGHTS].sha256 = "0" * 64
    with pytest.raises(IntegrityError):
        zoo.load("test/lab")


@pytest.mark.parametrize("on_hub", [True, False])
def test_it_is_described_for_a_registry(writer: LoopbackHub, tmp_path: Path, on_hub: bool) -> None:
    """The card says the license, though the plugin claims no card."""
    card = b"---\nlicense: mit\n---\n# A plane\n\nOf somebody's.\n"
    folder = lab.write(tmp_path / "m", {**lab.files(), "README.md": card})
    writer.repository(REPO).put({**lab.files(), "README.md": card})
    described = Described.of(f"hf://{REPO}" if on_hub else str(folder), Statement())
    assert described.card.licenses == {"weights": "MIT"}
    assert described.card.summary == "Of somebody's."
    fields = described.fields(tmp_path / "registry", "plane")
    assert sorted(fields["files"]) == ["lab.json", WEIGHTS]
    described.copy(tmp_path / "registry", fields["sources"], replacing=False)
    if not on_hub:
        copied = tmp_path / "registry" / fields["sources"]["bundled"]
        assert names(copied) == ["lab.json", WEIGHTS]
        compare(lab.gaussian(), zoo.load(copied))


# References of plugins' schemes.


class Scheme:
    """Resolves lab:// as it is told."""

    def __init__(self, answer: Model | Path | None) -> None:
        self.answer = answer

    @hookimpl
    def zoo_resolve(self, reference: str) -> Model | Path | None:
        return self.answer if reference.startswith("lab://") else None


@pytest.fixture
def scheme() -> Iterator[Scheme]:
    hooks = Scheme(None)
    register_hooks(hooks)
    yield hooks
    unregister_hooks(hooks)


def test_a_scheme_means_a_folder(scheme: Scheme, tmp_path: Path) -> None:
    scheme.answer = save(lab.gaussian(), tmp_path / "m")
    compare(lab.gaussian(), zoo.load("lab://digits"))
    assert zoo.pull("lab://digits").files["config.json"] == tmp_path / "m" / "config.json"
    scheme.answer = save(lab.gaussian(), tmp_path / "native", format="lab")
    compare(lab.gaussian(), zoo.load("lab://digits"))


def test_a_scheme_means_a_model(scheme: Scheme, writer: LoopbackHub) -> None:
    scheme.answer = lab.gaussian().train()
    model = zoo.load("lab://digits")
    assert model is scheme.answer
    assert not model.training
    assert zoo.load("lab://digits", dtype=torch.float64).dtype is torch.float64
    with pytest.raises(UnsupportedError, match="no files"):
        zoo.pull("lab://digits")
    pushed = push("lab://digits", REPO)
    compare(scheme.answer, zoo.load(pushed.pin))


def test_a_scheme_that_nobody_knows(scheme: Scheme) -> None:
    answers = {"lab://digits": "hf://owner/repo", "https://huggingface.co/a/b": "Write hf://a/b"}
    for ref, answer in answers.items():
        with pytest.raises(UnknownNameError, match=answer):
            zoo.load(ref)
