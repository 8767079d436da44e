"""The guide to models of the Hub runs, with tiny models in the place of the large ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blocks import run_page
from hub.loopback import LoopbackHub
from models import native
from zoo_core.interfaces.randomness import seeded_initialisers

PAGE = "docs/use-a-model-from-the-hub.md"


def _pipeline(module: str, name: str) -> Callable[[Path], Any]:
    """Save a pipeline that a module of `models` makes."""

    def save(folder: Path) -> None:
        from importlib import import_module

        with seeded_initialisers(0):
            getattr(import_module(f"models.{module}"), name)().save_pretrained(folder)

    return save


SAVED: dict[str, Callable[[Path], Any]] = {
    "openai-community/gpt2": native.gpt2,
    "openai/clip-vit-base-patch32": native.clip,
    "google-bert/bert-base-uncased": native.bert,
    "google-t5/t5-small": native.t5,
    "google/ddpm-cifar10-32": _pipeline("native_pipelines", "ddpm"),
    "stable-diffusion-v1-5/stable-diffusion-v1-5": _pipeline(
        "prompted_pipelines", "stable_diffusion"
    ),
}


def test_every_block_of_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZOO_REGISTRY", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    with LoopbackHub() as hub:
        for name, save in SAVED.items():
            save(tmp_path / name)
            _put(hub, name, tmp_path / name)
        surroundings = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"}
        for name in ("HF_HOME", "ZOO_HOME", "XDG_CONFIG_HOME", "APPDATA"):
            surroundings[name] = str(tmp_path / "home" / name)
        run_page(PAGE, work, surroundings)
    assert (work / "pictures.png").stat().st_size
    assert (work / "mine" / "model.safetensors").stat().st_size


def _put(hub: LoopbackHub, name: str, folder: Path) -> None:
    inside = [path for path in folder.rglob("*") if path.is_file()]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in inside}
    hub.repository(name).put(files)
