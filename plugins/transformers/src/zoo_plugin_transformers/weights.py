"""Load a module of transformers from its native files: strictly, quietly, and from them alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from zoo_core.checkpoints.header import TensorInfo, read_header, truncated
from zoo_core.checkpoints.meta import idle_initialisers
from zoo_core.errors import TensorError
from zoo_core.hooks.repository import Opening
from zoo_plugin_transformers.silence import silenced

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


def loaded(network: type[PreTrainedModel], opening: Opening) -> PreTrainedModel:
    """Load a module by the library's own `from_pretrained`, ready to use (`.eval()`).

    Tensors are mapped where files never change in place, as the library does it, and copied
    elsewhere. Raises TensorError for tensors that are missing, extra, of another shape, or not
    tied although the configuration ties them, and what the library raises for other faults.
    """
    files = sorted(opening.folder.glob("*.safetensors"))
    _refuse_repeated(files, opening.origin)
    with silenced(), idle_initialisers():
        config = _configuration(network, opening)
        module, report = _from_pretrained(network, config, opening, files)
    _refuse_differences(module, report, opening.origin)
    _refuse_untied(module, opening.origin)
    if opening.device is not None:
        nn.Module.to(module, opening.device)
    return module


def _configuration(network: type[PreTrainedModel], opening: Opening) -> PreTrainedConfig:
    config_class: Any = network.config_class
    config = config_class.from_pretrained(opening.folder, local_files_only=True)
    # How products are computed is the library's choice for the device, not the file's.
    config._attn_implementation = None
    config._experts_implementation = None
    return config


def _from_pretrained(
    network: type[PreTrainedModel], config: PreTrainedConfig, opening: Opening, files: list[Path]
) -> tuple[PreTrainedModel, Mapping[str, Any]]:
    options: dict[str, Any] = {
        "config": config,
        "dtype": opening.dtype or "auto",
        "local_files_only": True,
        "use_safetensors": True,
        "trust_remote_code": False,
        "output_loading_info": True,
        "ignore_mismatched_sizes": True,
    }
    library: Any = network
    if opening.mappable:
        return library.from_pretrained(opening.folder, **options)
    module, report = library.from_pretrained(None, state_dict=_copied(files), **options)
    if module.can_generate():
        module.generation_config = _generation(opening.folder)
    return module, report


def _copied(files: list[Path]) -> dict[str, Tensor]:
    """Read tensors into memory of their own, which a file that changes later doesn't change."""
    return {name: tensor for path in files for name, tensor in _read(path)}


def _read(path: Path) -> Iterator[tuple[str, Tensor]]:
    """Read a file whole; its tensors lie in memory as they do in the file.

    So they lie as the library's, which maps the file: the last bits of a product depend on it.
    """
    header = read_header(path)
    raw = torch.empty(header.size, dtype=torch.uint8)
    with path.open("rb", buffering=0) as file:
        view, done = raw.numpy().data, 0
        while count := file.readinto(view[done:]):  # type: ignore[attr-defined]
            done += count
    if done < header.size:
        raise truncated(path, header.size, done)
    for name, info in header.tensors.items():
        yield name, _part(raw, info)


def _part(raw: Tensor, info: TensorInfo) -> Tensor:
    """See a part of a file's bytes as a tensor, with a storage of its own size."""
    if info.start == info.stop or info.start % info.dtype.itemsize:
        return raw[info.start : info.stop].clone().view(info.dtype).view(info.shape)
    count = (info.stop - info.start) // info.dtype.itemsize
    found = torch.frombuffer(raw.numpy(), dtype=info.dtype, count=count, offset=info.start)
    return found.view(info.shape)


def _generation(folder: Path) -> Any:
    """Read the defaults of `generate` as `from_pretrained` does it from a folder."""
    from transformers import GenerationConfig

    if (folder / "generation_config.json").is_file():
        return GenerationConfig.from_pretrained(folder, local_files_only=True)
    return GenerationConfig.from_pretrained(
        folder, config_file_name="config.json", _from_model_config=True, local_files_only=True
    )


def _refuse_repeated(files: list[Path], origin: str) -> None:
    """Raise TensorError where two shards hold a tensor of one name: either might be meant."""
    seen: set[str] = set()
    for path in files if len(files) > 1 else []:
        names = read_header(path).tensors.keys()
        if seen & names:
            raise TensorError(
                f"Each tensor of {origin} is in one file",
                received=f"again in {path.name}: {_first_few(seen & names)}",
            )
        seen |= names


def _refuse_differences(module: PreTrainedModel, report: Mapping[str, Any], origin: str) -> None:
    """Raise TensorError where the files' tensors aren't the module's.

    Those that transformers' class for pretraining has beside, as a further head, may be there.
    """
    missing, extra = set(report["missing_keys"]), set(report["unexpected_keys"])
    extra = extra and extra - _of_pretraining(module)
    shapes = [f"{name} is {list(a)}, not {list(b)}" for name, a, b in report["mismatched_keys"]]
    problems = [f"missing: {_first_few(missing)}"] if missing else []
    problems += [f"extra: {_first_few(extra)}"] if extra else []
    problems += [f"of another shape: {_first_few(shapes)}"] if shapes else []
    problems += report["error_msgs"]
    if problems:
        raise TensorError(
            f"The tensors of {origin} are those of the {type(module).__name__} that its "
            "config.json describes",
            received="; ".join(problems),
            remedy="Weights and config.json must come from the same model.",
        )


def _of_pretraining(module: PreTrainedModel) -> set[str]:
    """List the tensors of the class that transformers pretrains this type of model with."""
    from transformers import MODEL_FOR_PRETRAINING_MAPPING

    mapping: Any = MODEL_FOR_PRETRAINING_MAPPING
    pretrained = mapping.get(type(module.config), None)
    if pretrained is None:
        return set()
    with silenced(), torch.device("meta"):
        return set(pretrained(module.config).state_dict())


def _refuse_untied(module: PreTrainedModel, origin: str) -> None:
    """Raise TensorError where tensors differ that the configuration ties."""
    wanted = module.get_expanded_tied_weights_keys(all_submodels=True)
    untied = [
        f"{one} and {other}"
        for one, other in wanted.items()
        if module.get_parameter_or_buffer(one) is not module.get_parameter_or_buffer(other)
    ]
    if untied:
        raise TensorError(
            f"The tensors of {origin} that its configuration ties are the same",
            received=f"different ones: {_first_few(untied)}",
            remedy="Its config.json should say tie_word_embeddings: false.",
        )


def _first_few(names: Iterable[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:5]) + (f" and {len(ordered) - 5} more" if len(ordered) > 5 else "")
