"""Bundled weights to the Hub: uploaded once, verified, pinned, and loaded from there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

import zoo_core as zoo
from hub import standins
from hub.loopback import Fault, FaultKind, LoopbackHub
from registry.sites import HEADER, Site
from zoo_core import registry
from zoo_core.errors import (
    HubError,
    IntegrityError,
    OptionError,
    PrivateRepositoryError,
    RegistryFileError,
    TransportError,
)
from zoo_core.hub import HubReference
from zoo_core.hub.listing import ask
from zoo_core.publishing import Card, bundled
from zoo_core.publishing.adding import Request, add_model
from zoo_core.publishing.bundled import Published, Step, publish
from zoo_core.publishing.online_checking import check_online

LICENSES = {"weights": "Apache-2.0", "code": "Apache-2.0", "data": "CC0-1.0"}
NAMES = ["chain", "gaussian", "vae"]


@pytest.fixture
def file(package: Path) -> Path:
    """The registry file of a plugin that bundles three models."""
    for name in NAMES:
        folder = package / "models" / name
        zoo.save(standins.models()[name], folder, card=Card(licenses=LICENSES))
        add_model(str(folder), Request(), package)
    return package / "registry.yaml"


def sources(file: Path) -> dict[str, dict]:
    return {n: e["sources"] for n, e in yaml.safe_load(file.read_text())["models"].items()}


def steps(file: Path, owner: str = "me", **how: object) -> list[tuple[str, Step]]:
    return [(p.name.partition("/")[2], p.step) for p in publish(file, owner, **how)]


def commits(hub: LoopbackHub, name: str) -> int:
    """Count the commits of a repository, but for the empty one that it begins with."""
    return len(hub.repositories[f"me/{name}"].history) - 1


def test_every_model_is_uploaded_and_pinned(writer: LoopbackHub, file: Path) -> None:
    before = file.read_text()
    done = list(publish(file, "me"))
    assert [p.step for p in done] == [Step.UPLOADED] * 3
    for published in done:
        repository = writer.repositories[published.repo]
        folder = file.parent / "models" / published.name.partition("/")[2]
        there = {n: e.data for n, e in repository.commits[published.commit or ""].items()}
        assert there == {path.name: path.read_bytes() for path in folder.iterdir()}
        hub = {"repo": published.repo, "revision": published.commit}
        bundle = f"models/{folder.name}"
        assert sources(file)[published.name] == {"bundled": bundle, "hub": hub}
    # Nothing but `sources` has changed.
    lines = [line for line in file.read_text().splitlines() if "hub:" not in line]
    shown = [line for line in before.splitlines() if "sources:" not in line]
    assert [line for line in lines if "sources:" not in line and "bundled:" not in line] == shown
    assert registry.check(file, files=True) == []


def test_it_loads_from_the_hub_without_the_bundle(writer: LoopbackHub, file: Path) -> None:
    ours = zoo.load("mine/gaussian").sample(5, rng=zoo.rng(0))
    assert writer.requests == []
    assert steps(file, only="gaussian") == [("gaussian", Step.UPLOADED)]
    shutil.rmtree(file.parent / "models")
    writer.requests.clear()
    assert zoo.load("mine/gaussian").sample(5, rng=zoo.rng(0)).equal(ours)
    assert writer.count(path="me/gaussian") > 0


def test_a_second_run_sends_nothing(writer: LoopbackHub, file: Path) -> None:
    steps(file)
    text = file.read_text()
    writer.requests.clear()
    assert steps(file) == [(name, Step.SAME) for name in NAMES]
    assert file.read_text() == text
    assert {request.method for request in writer.requests} == {"GET"}


def test_a_run_goes_on_where_it_was_interrupted(writer: LoopbackHub, file: Path) -> None:
    fault = Fault(FaultKind.STATUS, method="POST", path="me/gaussian/commit", status=503, times=99)
    writer.fault(fault)
    with pytest.raises(TransportError, match="me/gaussian"):
        steps(file)
    assert [name for name, s in sources(file).items() if "hub" in s] == ["mine/chain"]
    assert registry.check(file) == []
    writer.faults.clear()
    assert steps(file) == [
        ("chain", Step.SAME),
        ("gaussian", Step.UPLOADED),
        ("vae", Step.UPLOADED),
    ]
    assert [commits(writer, name) for name in NAMES] == [1, 1, 1]


def test_a_run_that_ended_between_upload_and_pin(
    writer: LoopbackHub, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(path: Path, text: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bundled, "rewrite", die)
        with pytest.raises(KeyboardInterrupt):
            steps(file, only="gaussian")
    assert steps(file, only="gaussian") == [("gaussian", Step.PINNED)]
    assert commits(writer, "gaussian") == 1


def test_bytes_that_are_not_the_entrys_stop_everything_before_it_begins(
    writer: LoopbackHub, file: Path
) -> None:
    place = file.parent / "models" / "vae" / "model.safetensors"
    data = bytearray(place.read_bytes())
    data[-1] ^= 1
    place.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"mine/vae.*sha256.*Nothing was sent"):
        steps(file)
    place.unlink()
    with pytest.raises(IntegrityError, match="not there"):
        steps(file)
    assert writer.requests == []


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_what_the_hub_then_has_is_compared(
    writer: LoopbackHub, file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def spoilt(reference: HubReference) -> object:
        repository = writer.repositories[reference.repo]
        data = repository.commits[repository.branches["main"]][name].data
        repository.put({name: data[:-1] + bytes([data[-1] ^ 1])})
        return ask(HubReference(reference.repo))

    monkeypatch.setattr(bundled, "ask", spoilt)
    with pytest.raises(IntegrityError, match=name):
        steps(file, only="gaussian")
    assert "hub" not in sources(file)["mine/gaussian"]


def test_what_a_pin_no_longer_finds_is_an_error(writer: LoopbackHub, file: Path) -> None:
    steps(file, only="gaussian")
    repository = writer.repositories["me/gaussian"]
    tree = repository.commits[repository.branches["main"]]
    del tree["config.json"]
    with pytest.raises(IntegrityError, match=r"config.json.*Received: none"):
        steps(file, only="gaussian")


def test_without_a_token_or_the_right_nothing_is_lost(hub: LoopbackHub, file: Path) -> None:
    before = file.read_text()
    with pytest.raises(PrivateRepositoryError, match=r"me/chain.*no token sent.*[Ll]og in"):
        steps(file)
    assert file.read_text() == before


def test_a_token_without_the_right(writer: LoopbackHub, file: Path) -> None:
    writer.fault(Fault(FaultKind.STATUS, method="POST", path="/api/repos/create", status=403))
    with pytest.raises(PrivateRepositoryError, match=r"does not allow.*403.*with a token"):
        steps(file)


def test_a_card_that_a_person_wrote_on_the_hub_is_not_overwritten(
    writer: LoopbackHub, file: Path
) -> None:
    steps(file, only="gaussian")
    writer.repositories["me/gaussian"].put({"README.md": b"# Mine"})
    text = file.read_text()
    for line in [line for line in text.splitlines(keepends=True) if "hub:" in line]:
        text = text.replace(line, "")
    file.write_text(text)
    with pytest.raises(HubError, match=r"README.md of me/gaussian.*a person has written"):
        steps(file, only="gaussian")


def test_a_repository_of_something_else_is_left_alone(writer: LoopbackHub, file: Path) -> None:
    writer.repository("me/gaussian").put({"pytorch_model.bin": b"x"})
    with pytest.raises(HubError, match=r"me/gaussian is new.*pytorch_model\.bin"):
        steps(file, only="gaussian")
    assert commits(writer, "gaussian") == 1


def test_a_dry_run_makes_no_request(writer: LoopbackHub, file: Path) -> None:
    before = file.read_text()
    done = list(publish(file, "me", only="*a*n*", dry_run=True))
    assert done == [
        Published("mine/chain", "me/chain", None, Step.PLANNED),
        Published("mine/gaussian", "me/gaussian", None, Step.PLANNED),
    ]
    assert (file.read_text(), writer.requests) == (before, [])
    (published,) = publish(file, "me", only="gaussian")
    writer.requests.clear()
    (planned,) = publish(file, "else", only="gaussian", dry_run=True)
    assert planned == Published("mine/gaussian", "me/gaussian", published.commit, Step.SAME)
    assert writer.requests == []


def test_a_model_that_is_made_again_replaces_its_upload(writer: LoopbackHub, file: Path) -> None:
    steps(file, only="gaussian")
    folder = file.parent / "models" / "gaussian"
    zoo.save(zoo.load(folder).double(), folder, card=Card(licenses=LICENSES))
    add_model(str(folder), Request(replace=True), file.parent)
    assert steps(file, only="gaussian") == [("gaussian", Step.UPLOADED)]
    assert commits(writer, "gaussian") == 2
    assert [f for f in check_online(file) if "mine/" in f.message] == []


def test_mistakes(writer: LoopbackHub, file: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="none that match 'nothing'"):
        steps(file, only="nothing")
    with pytest.raises(OptionError, match="owner/repo"):
        steps(file, owner="../x")
    own = tmp_path / "own.yaml"
    own.write_text("schema: 1\n")
    with pytest.raises(RegistryFileError, match="is a plugin's"):
        steps(own)
    file.write_text(file.read_text().replace("CC0-1.0", "free"))
    with pytest.raises(RegistryFileError, match="SPDX"):
        steps(file)


def test_a_plugin_without_models(writer: LoopbackHub, site: Site) -> None:
    package = site.plugin("bare", HEADER.format("bare"))
    with pytest.raises(OptionError, match="bundled models"):
        steps(package / "registry.yaml")
