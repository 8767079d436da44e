"""A format of its own, as a plugin would bring it: lab.json, and weights in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, final

import torch

import zoo_core as zoo
from hub.standins import models
from models.gaussian import Gaussian
from zoo_core.checkpoints.slots import slots
from zoo_core.checkpoints.writer import write_file
from zoo_core.errors import FormatError
from zoo_core.hooks import Claim, Opening, Repository, hookimpl
from zoo_core.interfaces.model import Model

WEIGHTS = "weights/lab.safetensors"


@final
class Lab:
    """The hooks of the format; what it was asked for and shown is kept for the tests."""

    def __init__(self) -> None:
        self.files: tuple[str, ...] = ("lab.json", WEIGHTS)
        self.openings: list[Opening] = []
        self.seen: list[dict[str, Path]] = []
        self.open: Callable[[Opening], Any] = self.read

    @hookimpl
    def zoo_claim(self, repository: Repository) -> Claim | None:
        """Claim what has lab.json."""
        if "lab.json" not in repository.sizes:
            return None
        if repository.read_json("lab.json").get("code"):
            raise FormatError(f"{repository.origin} has no code of its own")
        return Claim(self.files, self._open)

    @hookimpl
    def zoo_write(self, model: Model, format: str, folder: Path) -> bool | None:
        """Write a Gaussian."""
        if format != "lab" or not isinstance(model, Gaussian):
            return None
        for name, data in files(model).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(data)
        return True

    def _open(self, opening: Opening) -> Model:
        self.openings.append(opening)
        inside = [path for path in sorted(opening.folder.rglob("*")) if path.is_file()]
        names = {path.relative_to(opening.folder).as_posix(): path.resolve() for path in inside}
        self.seen.append(names)
        return self.open(opening)

    @staticmethod
    def read(opening: Opening) -> Model:
        """Build the Gaussian and fill it."""
        from safetensors.torch import load_file

        fields = json.loads((opening.folder / "lab.json").read_text())
        model = Gaussian.create(space=zoo.Space.real(fields["features"])).train()
        model.load_state_dict(load_file(opening.folder / WEIGHTS))
        return model.to(device=opening.device, dtype=opening.dtype)


def gaussian() -> Model:
    """The model of these tests."""
    return models()["gaussian"]


def files(model: Model | None = None, **more: object) -> dict[str, bytes]:
    """Give the files of a model in the format."""
    model = gaussian() if model is None else model
    text = json.dumps({"features": model.space.shape[0], **more}).encode()
    return {"lab.json": text, WEIGHTS: weights({n: s.tensor for n, s in slots(model).items()})}


def weights(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """Give the bytes of a safetensors file."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        write_file(Path(place) / "x", tensors, {})
        return (Path(place) / "x").read_bytes()


def write(folder: Path, contents: Mapping[str, bytes]) -> Path:
    """Write files into a folder."""
    for name, data in contents.items():
        place = folder.joinpath(*name.split("/"))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return folder
