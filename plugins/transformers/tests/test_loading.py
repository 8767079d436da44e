"""Repositories in transformers' format: loaded as the library loads them, strictly and quietly."""

from __future__ import annotations

import json
import logging
import shutil
import socket
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import nn

import zoo_core as zoo
from hub.loopback import LoopbackHub
from models import native
from zoo_core.errors import FormatError, IntegrityError, TensorError, UnsupportedError
from zoo_core.loading.locating import UnpinnedWarning
from zoo_plugin_transformers.claim import INDEX, WEIGHTS

Saved = Callable[[str], Path]
Serve = Callable[[str], str]

KINDS = {
    "gpt2": ("causal-lm", "AutoModelForCausalLM"),
    "llama": ("causal-lm", "AutoModelForCausalLM"),
    "bert": ("masked-lm", "AutoModelForMaskedLM"),
    "t5": ("text-encoder", "T5EncoderModel"),
    "t5_encoder": ("text-encoder", "T5EncoderModel"),
    "clip": ("clip", "CLIPModel"),
    "siglip": ("clip", "SiglipModel"),
}


def network_of(model: Any) -> nn.Module:
    """Give the library's own module of a model."""
    return model.native_module() if "clip" in model.architecture else model.network


def library_of(folder: Path, name: str, **options: Any) -> nn.Module:
    """Load a folder as the library does it."""
    return getattr(transformers, KINDS[name][1]).from_pretrained(folder, **options)


def same(one: nn.Module, other: nn.Module) -> bool:
    """Compare two modules: class, names, dtypes and tensors, those left out of files included."""
    first, second = _tensors(one), _tensors(other)
    return first.keys() == second.keys() and all(
        a.dtype == second[n].dtype and torch.equal(a, second[n]) for n, a in first.items()
    )


def _tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    named = module.named_parameters(remove_duplicate=False)
    return {**dict(named), **dict(module.named_buffers()), **module.state_dict()}


def copied(folder: Path, target: Path, **config: Any) -> Path:
    """Copy a saved model, with other fields in config.json; None leaves one out."""
    shutil.copytree(folder, target)
    held = json.loads((folder / "config.json").read_text()) | config
    kept = {key: value for key, value in held.items() if value is not None}
    (target / "config.json").write_text(json.dumps(kept))
    return target


@pytest.mark.parametrize("name", KINDS)
def test_a_repository_loads_as_the_library_loads_it(serve: Serve, saved: Saved, name: str) -> None:
    model = zoo.load(serve(name))
    assert model.architecture == f"transformers/{KINDS[name][0]}"
    assert not any(module.training for module in model.modules())
    assert same(network_of(model), library_of(saved(name), name))


@pytest.mark.parametrize("name", KINDS)
def test_a_folder_loads_as_the_library_loads_it(saved: Saved, name: str) -> None:
    assert same(network_of(zoo.load(saved(name))), library_of(saved(name), name))


def test_logits_are_the_librarys_to_the_bit(serve: Serve, saved: Saved) -> None:
    network = network_of(zoo.load(serve("gpt2")))
    codes = torch.arange(12)[None] * 7
    with torch.no_grad():
        assert torch.equal(network(codes).logits, library_of(saved("gpt2"), "gpt2")(codes).logits)


def test_the_commit_is_reported_and_a_warm_load_asks_nothing(
    hub: LoopbackHub, serve: Serve
) -> None:
    pin = serve("gpt2")
    with pytest.warns(UnpinnedWarning, match=pin):
        model = zoo.load("hf://somebody/tiny-gpt2")
    hub.requests.clear()
    assert same(zoo.load(pin), model)
    assert not hub.requests


def test_offline_is_complete_or_names_what_is_missing(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = serve("clip")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(zoo.ZooError, match="cache"):
        zoo.load(pin)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    model = zoo.load(pin)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert same(zoo.load(pin), model)


@pytest.mark.parametrize("name", KINDS)
def test_the_library_touches_no_network(
    saved: Saved, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError(f"a connection to {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    zoo.load(saved(name))


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs a list of what is mapped")
def test_files_are_mapped_from_the_cache_alone(serve: Serve, saved: Saved) -> None:
    def mapped() -> int:
        lines = Path("/proc/self/maps").read_text().splitlines()
        return sum("blobs" in line or WEIGHTS in line for line in lines)

    reference, before = serve("llama"), mapped()
    copy = zoo.load(saved("llama"))
    assert mapped() == before
    cached = zoo.load(reference)
    assert mapped() > before
    assert same(copy, cached)


def test_a_folder_that_changes_later_changes_nothing(saved: Saved, tmp_path: Path) -> None:
    folder = copied(saved("gpt2"), tmp_path / "mine")
    model = zoo.load(folder)
    size = (folder / WEIGHTS).stat().st_size
    with (folder / WEIGHTS).open("r+b") as file:
        file.write(b"\xff" * size)
    assert same(network_of(model), library_of(saved("gpt2"), "gpt2"))
    with (folder / WEIGHTS).open("r+b") as file:
        file.truncate(16)
    assert same(network_of(model), library_of(saved("gpt2"), "gpt2"))


def test_dtypes(saved: Saved, tmp_path: Path) -> None:
    half = tmp_path / "half"
    transformers.GPT2LMHeadModel.from_pretrained(saved("gpt2")).to(torch.bfloat16).save_pretrained(
        half
    )
    assert zoo.load(half).dtype is torch.bfloat16
    assert same(network_of(zoo.load(half)), library_of(half, "gpt2"))
    wide = zoo.load(half, dtype=torch.float32)
    assert same(network_of(wide), library_of(half, "gpt2", dtype=torch.float32))
    unsaid = copied(half, tmp_path / "unsaid", dtype=None)
    assert zoo.load(unsaid).dtype is torch.bfloat16


def test_a_device(saved: Saved) -> None:
    model = zoo.load(saved("clip"), device="cpu")
    assert model.device == torch.device("cpu")
    if torch.cuda.is_available():
        moved = zoo.load(saved("clip"), device="cuda")
        assert {tensor.device.type for tensor in _tensors(moved).values()} == {"cuda"}


@pytest.mark.parametrize("where", ["hub", "folder"])
def test_shards(hub: LoopbackHub, saved: Saved, tmp_path: Path, where: str) -> None:
    network = library_of(saved("gpt2"), "gpt2")
    network.save_pretrained(tmp_path / "shards", max_shard_size="20KB")  # type: ignore[operator]
    files = {p.name: p.read_bytes() for p in (tmp_path / "shards").iterdir()}
    assert INDEX in files and sum(name.endswith(".safetensors") for name in files) > 1
    commit = hub.repository("somebody/shards").put(files)
    reference = f"hf://somebody/shards@{commit}" if where == "hub" else tmp_path / "shards"
    assert same(network_of(zoo.load(reference)), network)


def test_generation_defaults_are_kept(saved: Saved, tmp_path: Path, serve: Serve) -> None:
    wanted = library_of(saved("gpt2"), "gpt2").generation_config
    for reference in (saved("gpt2"), serve("gpt2")):
        network: Any = network_of(zoo.load(reference))
        assert network.generation_config.to_dict() == wanted.to_dict()  # type: ignore[union-attr]


def test_what_pretraining_had_beside_may_be_there(tmp_path: Path) -> None:
    native.bert(tmp_path / "bert", "BertForPreTraining")
    folder = copied(tmp_path / "bert", tmp_path / "masked", architectures=["BertForMaskedLM"])
    assert same(network_of(zoo.load(folder)), library_of(folder, "bert"))


def test_a_bare_bert_is_a_text_encoder(tmp_path: Path) -> None:
    model = zoo.load(native.bert(tmp_path / "bert", "BertModel"))
    assert model.architecture == "transformers/text-encoder"


# Strictness.


def changed(folder: Path, target: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """Copy a saved model with other tensors."""
    copied(folder, target)
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, target / WEIGHTS, metadata={"format": "pt"})
    return target


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.pop("transformer.h.1.mlp.c_fc.bias"), r"missing: transformer\.h\.1\.mlp"),
        (lambda t: t.pop("transformer.wte.weight"), r"missing: .*transformer\.wte\.weight"),
        (lambda t: t.update({"score.weight": torch.ones(2)}), r"extra: score\.weight"),
        (
            lambda t: t.update({"transformer.ln_f.bias": torch.ones(3)}),
            r"another shape: transformer\.ln_f\.bias is \[3\], not \[16\]",
        ),
        (
            lambda t: t.update({"lm_head.weight": t["transformer.wte.weight"] + 1}),
            r"different ones: lm_head\.weight and transformer\.wte\.weight",
        ),
    ],
)
def test_other_tensors_are_refused_by_name(
    saved: Saved, tmp_path: Path, capfd: pytest.CaptureFixture[str], change: Any, told: str
) -> None:
    folder = changed(saved("gpt2"), tmp_path / "other", change)
    capfd.readouterr()
    with pytest.raises(TensorError, match=told):
        zoo.load(folder)
    assert capfd.readouterr() == ("", "")


def test_a_tensor_in_two_shards_is_refused(saved: Saved, tmp_path: Path) -> None:
    folder = copied(saved("gpt2"), tmp_path / "twice")
    (folder / WEIGHTS).rename(folder / "a.safetensors")
    save_file({"transformer.ln_f.bias": torch.ones(16)}, folder / "b.safetensors")
    places = {"x": "a.safetensors", "transformer.ln_f.bias": "b.safetensors"}
    (folder / INDEX).write_text(json.dumps({"weight_map": places}))
    with pytest.raises(TensorError, match=r"again in b\.safetensors: transformer\.ln_f\.bias"):
        zoo.load(folder)


@pytest.mark.skipif(find_spec("sentencepiece") is not None, reason="sentencepiece is there")
def test_a_tokenizer_that_cannot_be_read_is_no_missing_one(saved: Saved, tmp_path: Path) -> None:
    folder = copied(saved("t5"), tmp_path / "pieces")
    (folder / "tokenizer.json").unlink()
    (folder / "spiece.model").write_bytes(b"\n\x0e\n\x05<pad>\x15\0\0\0\0\x18\x03")
    with pytest.raises(UnsupportedError, match="sentencepiece"):
        zoo.load(folder)


def test_without_a_tokenizer_data_are_codes(saved: Saved, tmp_path: Path) -> None:
    folder = copied(saved("gpt2"), tmp_path / "codes")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    model: Any = zoo.load(folder)
    assert model.space.tokenizer is None
    assert model.log_prob(zoo.Ragged.of([torch.tensor([3, 4, 5])])).shape == (1,)


def test_what_an_architecture_ignores_may_be_there(saved: Saved, tmp_path: Path) -> None:
    masks = {"transformer.h.0.attn.bias": torch.ones(1, 1, 4, 4)}
    folder = changed(saved("gpt2"), tmp_path / "masks", lambda t: t.update(masks))
    assert same(network_of(zoo.load(folder)), library_of(saved("gpt2"), "gpt2"))


def test_tied_tensors_may_be_saved_twice_or_once(saved: Saved, tmp_path: Path) -> None:
    def twice(tensors: dict[str, Any]) -> None:
        tensors["lm_head.weight"] = tensors["transformer.wte.weight"].clone()

    network: Any = network_of(zoo.load(changed(saved("gpt2"), tmp_path / "twice", twice)))
    assert network.lm_head.weight is network.transformer.wte.weight


def test_an_unknown_architecture_is_named(saved: Saved, tmp_path: Path) -> None:
    folder = copied(saved("gpt2"), tmp_path / "x", architectures=["GPT2ForSequenceClassification"])
    with pytest.raises(UnsupportedError, match="GPT2ForSequenceClassification"):
        zoo.load(folder)
    folder = copied(saved("gpt2"), tmp_path / "none", architectures=None)
    with pytest.raises(zoo.ZooError, match="architectures"):
        zoo.load(folder)


def test_a_wrong_configuration_is_told(saved: Saved, tmp_path: Path) -> None:
    folder = copied(saved("gpt2"), tmp_path / "x", n_layer="two")
    with pytest.raises(FormatError, match="n_layer"):
        zoo.load(folder)


def test_bytes_that_are_not_the_hubs_are_refused(hub: LoopbackHub, serve: Serve) -> None:
    pin = serve("gpt2")
    repository = hub.repositories["somebody/tiny-gpt2"]
    tree = repository.commits[repository.branches["main"]]
    entry = tree[WEIGHTS]
    flipped = entry.data[:-1] + bytes([entry.data[-1] ^ 1])
    tree[WEIGHTS] = _Lying(flipped, entry.lfs, entry.sha256)
    with pytest.raises(IntegrityError):
        zoo.load(pin)


class _Lying:
    """A file whose hash is another file's."""

    def __init__(self, data: bytes, lfs: bool, sha256: str) -> None:
        self.data, self.lfs, self.sha256, self.etag = data, lfs, sha256, sha256


# Quiet.


def test_a_good_load_says_nothing_and_leaves_the_librarys_reports_as_they_were(
    saved: Saved, capfd: pytest.CaptureFixture[str]
) -> None:
    from transformers.utils import logging as reports

    handlers = list(logging.getLogger("transformers").handlers)
    filters = [list(handler.filters) for handler in handlers]
    level = reports.get_verbosity()
    folders = [saved(name) for name in ("gpt2", "bert", "clip", "siglip")]
    capfd.readouterr()  # what the library says as it saves them
    for folder in folders:
        zoo.load(folder)
    assert capfd.readouterr() == ("", "")
    assert reports.get_verbosity() == level
    assert reports.is_progress_bar_enabled()
    assert reports.set_tqdm_hook(None) is None
    assert [list(handler.filters) for handler in handlers] == filters
    transformers.GPT2LMHeadModel.from_pretrained(saved("gpt2"))
    assert "Loading weights" in capfd.readouterr().err
