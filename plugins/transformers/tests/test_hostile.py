"""Repositories that would do harm or can't be loaded: each refused with its own error."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import zoo_core as zoo
from hub.loopback import LoopbackHub
from zoo_core.errors import FormatError, UnsafeFileError, UnsupportedError, ZooError
from zoo_plugin_transformers.claim import INDEX, WEIGHTS

Saved = Callable[[str], Path]
Files = dict[str, bytes]

INTO = {"weight_map": {"a": WEIGHTS}}


class _Harm:
    """What writes a marker when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.write_text, (self.marker, "run")


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """The file that is there once code of a repository has run."""
    return tmp_path / "marker"


def code(marker: Path) -> bytes:
    """Give a module that would write the marker, and has every name that may be looked for."""
    names = "\n".join(f"{name} = object" for name in ("Model", "Config", "Tokenizer", "generate"))
    return f"import pathlib\npathlib.Path({str(marker)!r}).write_text('run')\n{names}\n".encode()


def edited(data: bytes, **fields: Any) -> bytes:
    """Give a JSON file with other fields."""
    return json.dumps({**json.loads(data), **fields}).encode()


def index(*places: str) -> bytes:
    """Give an index that puts one tensor into each of these files."""
    return json.dumps({"weight_map": {str(i): file for i, file in enumerate(places)}}).encode()


def with_config(**fields: Any) -> Callable[[Files], None]:
    """Change config.json."""

    def change(files: Files) -> None:
        files["config.json"] = edited(files["config.json"], **fields)

    return change


def with_index(data: bytes) -> Callable[[Files], None]:
    """Put an index in the place of the weights, which are there as a shard."""

    def change(files: Files) -> None:
        files["part.safetensors"] = files.pop(WEIGHTS)
        files[INDEX] = data

    return change


def with_tokenizer_code(files: Files) -> None:
    files["tokenizer_config.json"] = edited(
        files["tokenizer_config.json"], auto_map={"AutoTokenizer": ["harm.Tokenizer", None]}
    )


def without_safetensors(name: str) -> Callable[[Files], None]:
    """Leave weights in another form alone."""

    def change(files: Files) -> None:
        files[name] = files.pop(WEIGHTS)

    return change


REFUSED: Mapping[str, tuple[Callable[[Files], None], type[ZooError], str]] = {
    "code for its model": (
        with_config(auto_map={"AutoModelForCausalLM": "harm.Model", "AutoConfig": "harm.Config"}),
        UnsafeFileError,
        "names code of its own, which is never run.*auto_map.*config.json.*copy of the folder",
    ),
    "code of another repository": (
        with_config(auto_map={"AutoModelForCausalLM": "else/where--harm.Model"}),
        UnsafeFileError,
        "names code of its own, which is never run",
    ),
    "code for its tokenizer": (
        with_tokenizer_code,
        UnsafeFileError,
        "names code of its own, which is never run.*tokenizer_config.json",
    ),
    "a kernel of another repository": (
        with_config(_attn_implementation="else/where"),
        UnsafeFileError,
        "names code of its own",
    ),
    "a type that transformers doesn't have": (
        with_config(model_type="harm"),
        UnsupportedError,
        "needs code of its own, which is never run.*'harm'",
    ),
    "weights outside": (
        with_config(transformers_weights="../../secret.safetensors"),
        UnsafeFileError,
        "secret",
    ),
    "quantised weights": (
        with_config(quantization_config={"quant_method": "gptq", "bits": 4}),
        UnsupportedError,
        "quantised by gptq",
    ),
    "pickles only": (without_safetensors("pytorch_model.bin"), UnsafeFileError, "pickle"),
    "weights of TensorFlow only": (without_safetensors("tf_model.h5"), FormatError, "tf_model.h5"),
    "a variant only": (
        without_safetensors("model.fp16.safetensors"),
        FormatError,
        r"model\.fp16\.safetensors",
    ),
    "an adapter only": (
        without_safetensors("adapter_model.safetensors"),
        FormatError,
        "adapter_model",
    ),
    "an index that leads out": (
        with_index(index("../part.safetensors")),
        UnsafeFileError,
        r"'\.\./part\.safetensors'",
    ),
    "an index with an absolute path": (
        with_index(index("/etc/part.safetensors")),
        UnsafeFileError,
        "'/etc/part.safetensors'",
    ),
    "an index that names a pickle": (
        with_index(index("part.safetensors", "pytorch_model.bin")),
        UnsafeFileError,
        r"'pytorch_model\.bin'",
    ),
    "an index that names a missing shard": (
        with_index(index("part.safetensors", "other.safetensors")),
        FormatError,
        "none named 'other.safetensors'",
    ),
    "an index of too many shards": (
        with_index(index(*(f"{i}.safetensors" for i in range(1001)))),
        FormatError,
        "1001",
    ),
    "an index of no shards": (with_index(index()), FormatError, "1 to 1000"),
    "an index that is none": (with_index(b'{"weight_map": ["x"]}'), FormatError, "another form"),
    "an index that isn't JSON": (with_index(b"{"), FormatError, "another form"),
    "a file that isn't safetensors": (
        lambda files: files.update({WEIGHTS: b"\x80\x04harm"}),
        UnsafeFileError,
        "pickle",
    ),
}


@pytest.mark.parametrize("where", ["hub", "folder"])
@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_and_nothing_is_run(
    hub: LoopbackHub, saved: Saved, tmp_path: Path, marker: Path, case: str, where: str
) -> None:
    change, error, told = REFUSED[case]
    files = {path.name: path.read_bytes() for path in saved("gpt2").iterdir()}
    change(files)
    files |= {"harm.py": code(marker), "custom_generate/generate.py": code(marker)}
    if "pytorch_model.bin" in files:
        files["pytorch_model.bin"] = pickle.dumps(_Harm(marker))
    with pytest.raises(error, match=told) as raised:
        zoo.load(_put(files, hub, tmp_path, where))
    assert type(raised.value) is error
    assert not marker.exists()


def _put(files: Files, hub: LoopbackHub, tmp_path: Path, where: str) -> str:
    if where == "hub":
        return f"hf://somebody/harm@{hub.repository('somebody/harm').put(files)}"
    for name, data in files.items():
        path = tmp_path / "harm" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return str(tmp_path / "harm")


def test_the_markers_are_real(marker: Path) -> None:
    exec(code(marker), {})
    assert marker.read_text() == "run"
    marker.unlink()
    pickle.loads(pickle.dumps(_Harm(marker)))
    assert marker.read_text() == "run"


def test_code_beside_a_good_model_is_left_alone(
    hub: LoopbackHub, saved: Saved, marker: Path
) -> None:
    files = {path.name: path.read_bytes() for path in saved("gpt2").iterdir()}
    files |= {"harm.py": code(marker), "custom_generate/generate.py": code(marker)}
    files["pytorch_model.bin"] = pickle.dumps(_Harm(marker))
    files["model.fp16.safetensors"] = b"\x80\x04"
    files["generation_config.json"] = edited(files["generation_config.json"], max_length=9)
    commit = hub.repository("somebody/harm").put(files)
    assert zoo.load(f"hf://somebody/harm@{commit}").architecture == "transformers/causal-lm"
    assert not marker.exists()
    fetched = {r.path.rpartition("/")[2] for r in hub.requests if "/resolve/" in r.path}
    assert fetched == {path.name for path in saved("gpt2").iterdir()}


def test_other_formats_are_left_to_others(saved: Saved) -> None:
    from zoo_core.hooks.repository import Repository
    from zoo_plugin_transformers.claim import claimed_files

    class Held(Repository):
        origin = "here"

        def __init__(self, files: dict[str, Any]) -> None:
            self.files = files

        @property
        def sizes(self) -> dict[str, int]:
            return dict.fromkeys(self.files, 1)

        def read(self, name: str) -> bytes:
            return json.dumps(self.files[name]).encode()

        def read_json(self, name: str) -> dict[str, Any]:
            return self.files[name]

    weights = {WEIGHTS: None}
    for files in (
        {},
        {"config.json": {"architecture": "resnet50"}, **weights},
        {"config.json": {"model_type": "x", "_class_name": "UNet2DModel"}, **weights},
        {"config.json": {"model_type": "gpt2"}, "model_index.json": {}, **weights},
        {"config.json": {"model_type": 3}, **weights},
    ):
        assert claimed_files(Held(files)) is None
    held = Held({"config.json": {"model_type": "gpt2"}, INDEX: None, "vocab.json": {}, **weights})
    assert claimed_files(held) == ("config.json", "vocab.json", WEIGHTS)
