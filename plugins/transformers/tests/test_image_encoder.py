"""Pictures as conditions, against the library's own encoders and processors, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from zoo_core.errors import ConditionError, ConfigError
from zoo_plugin_transformers.image_encoder import ImageEncoder

SIZES: dict[str, Any] = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
PICTURE: dict[str, Any] = {**SIZES, "intermediate_size": 16, "image_size": 16, "patch_size": 8}
SQUARE = {"height": 16, "width": 16}
CROPPED: dict[str, Any] = {"size": {"shortest_edge": 16}, "crop_size": SQUARE}
NETWORKS = {
    "CLIPVisionModel": ("CLIPImageProcessorPil", CROPPED),
    "CLIPVisionModelWithProjection": ("CLIPImageProcessorPil", CROPPED),
    "DeiTModel": (
        "DeiTImageProcessorPil",
        {"size": {"height": 20, "width": 20}, "crop_size": SQUARE},
    ),
    "Dinov2Model": ("BitImageProcessorPil", CROPPED),
    "Dinov2WithRegistersModel": ("BitImageProcessorPil", CROPPED),
    "SiglipVisionModel": ("SiglipImageProcessorPil", {"size": SQUARE}),
    "ViTModel": ("ViTImageProcessorPil", {"size": SQUARE}),
}


def _network(name: str, **fields: Any) -> Any:
    import transformers

    network = getattr(transformers, name)
    fields = {**PICTURE, **fields}
    if "Dino" in name:
        del fields["intermediate_size"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return network(network.config_class(**fields)).eval()


def _processor(name: str) -> Any:
    import transformers

    processor, fields = NETWORKS[name]
    return getattr(transformers, processor)(**fields)


def _images() -> list[Image.Image]:
    draw = np.random.default_rng(0)
    return [Image.fromarray(draw.integers(0, 256, (h, 40, 3), np.uint8)) for h in (30, 57)]


@pytest.mark.parametrize("name", NETWORKS)
def test_contexts_are_the_librarys_outputs(name: str) -> None:
    network, processor = _network(name), _processor(name)
    pixels = processor(_images(), return_tensors="pt")["pixel_values"]
    output = network(pixel_values=pixels)
    context: Any = ImageEncoder.around(network, processor).context(_images())
    vector = output.image_embeds if "Projection" in name else output.pooler_output
    assert torch.equal(context.sequence, output.last_hidden_state)
    assert torch.equal(context.vector, vector)
    assert bool(context.mask.all())


@pytest.mark.parametrize(
    "network",
    [
        lambda: _network("SiglipVisionModel", vision_use_head=False),
        lambda: __import__("transformers").ViTModel(
            _network("ViTModel").config, add_pooling_layer=False
        ),
    ],
)
def test_networks_without_a_pooled_output_give_a_sequence_alone(network: Any) -> None:
    model = ImageEncoder.around(network())
    assert model.context_shape.vector is None
    assert model.context(_images()).vector is None


@pytest.mark.parametrize("name", NETWORKS)
def test_the_usual_processor_stands_in_where_none_is_named(name: str) -> None:
    model = ImageEncoder.around(_network(name))
    assert model.prepare(_images())["pixels"].shape == (2, 3, 16, 16)
    assert model.config.processor["image_processor_type"] + "Pil" == NETWORKS[name][0]


def test_a_processor_of_another_day_is_read(name: str = "CLIPVisionModel") -> None:
    old = {"feature_extractor_type": "CLIPFeatureExtractor", "size": 16, "crop_size": 16}
    model = ImageEncoder.around(_network(name), {**old, "resample": 3, "do_resize": True})
    now = ImageEncoder.around(_network(name), _processor(name))
    assert torch.equal(model.prepare(_images())["pixels"], now.prepare(_images())["pixels"])


def test_arrays_are_pictures_between_0_and_1() -> None:
    model: Any = ImageEncoder.around(_network("ViTModel"))
    x = model.prepare(_images())["pixels"]
    wanted = model.context(_images()).vector
    assert torch.equal(model.context(x).vector, wanted)
    assert torch.equal(model.context(x[0]).vector, model.context(_images()[0]).vector)
    assert torch.equal(model.context(x.numpy()).vector, wanted)
    for wrong, reason in [(x + 2, "between 0 and 1"), (x[..., 1:], "shape"), ("dog", "tensor")]:
        with pytest.raises(ConditionError, match=reason):
            model.prepare(wrong)


def test_null_is_zero() -> None:
    null: Any = ImageEncoder.around(_network("CLIPVisionModelWithProjection")).null
    assert null.vector.abs().sum() == 0
    assert null.sequence.shape == (1, 1, 8)


def test_gradients_reach_the_network() -> None:
    model: Any = ImageEncoder.around(_network("ViTModel"))
    weight = model.get_parameter("network.embeddings.patch_embeddings.projection.weight")
    (gradient,) = torch.autograd.grad(model.context(_images()).vector.sum(), weight)
    assert bool(gradient.isfinite().all() and gradient.any())


def test_other_networks_and_processors_are_refused() -> None:
    from transformers import ResNetConfig, ResNetModel

    small = ResNetConfig(embedding_size=8, hidden_sizes=[8], depths=[1])
    with pytest.raises(ConfigError, match="ViTModel"):
        ImageEncoder.around(ResNetModel(small))
    network = _network("ViTModel")
    for wrong, reason in [
        ({"image_processor_type": "os.system"}, "transformers' own"),
        ({"image_processor_type": "ViTImageProcessor", "rescale_factor": 1.0}, "255"),
    ]:
        with pytest.raises(ConfigError, match=reason):
            ImageEncoder.around(network, wrong)
    uncut = ImageEncoder.around(network, {"image_processor_type": "ViTImageProcessor"})
    with pytest.raises(ConditionError, match="224"):
        uncut.prepare(_images())
