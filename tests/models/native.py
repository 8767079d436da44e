"""Tiny models with random weights in transformers' own format, saved by transformers itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

TEXTS = (
    "The quick brown fox jumps over the lazy dog.",
    "A model that knows how likely data are can be asked how likely they are.",
    "What the world has already trained, behind the same interfaces.",
    "the cat sat on the mat, and the dog sat beside the cat",
)
LENGTH = 32
_SIZES: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
_TOWER: dict[str, Any] = {**_SIZES, "intermediate_size": 32}


def byte_tokenizer(vocabulary: int = 300) -> Any:
    """Train a byte-level BPE, as GPT-2 has one; its last token ends a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    end = "<|endoftext|>"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - 1,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=end, eos_token=end, model_max_length=LENGTH
    )


def word_tokenizer(vocabulary: int = 80) -> Any:
    """Train a WordPiece of lower-case words between [CLS] and [SEP], as BERT has one."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # type: ignore[call-arg]
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary, special_tokens=marks, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=LENGTH,
        **dict(zip(names, marks, strict=True)),
    )


def unigram_tokenizer(vocabulary: int = 80) -> Any:
    """Train a Unigram with an end mark, as T5 has one."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    marks = ["<pad>", "</s>", "<unk>"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=vocabulary, special_tokens=marks, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=LENGTH,
    )


def clip_tokenizer(vocabulary: int = 320) -> Any:
    """Train a byte-level BPE between a start and an end mark, as CLIP has one."""
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    tokenizer = byte_tokenizer(vocabulary - 1).backend_tokenizer
    start, end = "<|startoftext|>", "<|endoftext|>"
    tokenizer.add_special_tokens([start])
    codes = [(mark, tokenizer.token_to_id(mark)) for mark in (start, end)]
    tokenizer.post_processor = TemplateProcessing(single=f"{start} $A {end}", special_tokens=codes)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=start,
        eos_token=end,
        pad_token=end,
        unk_token=end,
        model_max_length=LENGTH,
    )


def gpt2(folder: Path) -> Path:
    """Save a GPT-2 with a tokenizer and generation defaults."""
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = byte_tokenizer()
    end = tokenizer.eos_token_id
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=LENGTH, n_embd=16, n_layer=2, n_head=2,
        bos_token_id=end, eos_token_id=end,
    )  # fmt: skip
    return _saved(folder, GPT2LMHeadModel, config, tokenizer)


def llama(folder: Path) -> Path:
    """Save a Llama whose output isn't tied to its input."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = byte_tokenizer()
    end = tokenizer.eos_token_id
    config = LlamaConfig(
        **_TOWER, vocab_size=len(tokenizer), max_position_embeddings=LENGTH,
        num_key_value_heads=1, bos_token_id=end, eos_token_id=end,
    )  # fmt: skip
    return _saved(folder, LlamaForCausalLM, config, tokenizer)


def t5(folder: Path) -> Path:
    """Save a whole T5, encoder and decoder."""
    from transformers import T5Config, T5ForConditionalGeneration

    tokenizer = unigram_tokenizer()
    config = T5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
        pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
    )  # fmt: skip
    return _saved(folder, T5ForConditionalGeneration, config, tokenizer)


def t5_encoder(folder: Path) -> Path:
    """Save T5's encoder alone."""
    from transformers import T5Config, T5EncoderModel

    tokenizer = unigram_tokenizer()
    config = T5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
        pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    return _saved(folder, T5EncoderModel, config, tokenizer)


def bert(folder: Path, architecture: str = "BertForMaskedLM") -> Path:
    """Save a BERT: with its head for masked words, for pretraining, or without (BertModel)."""
    import transformers

    tokenizer = word_tokenizer()
    config = transformers.BertConfig(
        **_TOWER, vocab_size=len(tokenizer), max_position_embeddings=LENGTH, pad_token_id=0
    )
    return _saved(folder, getattr(transformers, architecture), config, tokenizer)


def roberta(folder: Path) -> Path:
    """Save a RoBERTa for masked words, whose positions begin behind that of the padding."""
    from transformers import RobertaConfig, RobertaForMaskedLM

    tokenizer = word_tokenizer()
    config = RobertaConfig(
        **_TOWER, vocab_size=len(tokenizer), max_position_embeddings=LENGTH + 1, type_vocab_size=1,
        pad_token_id=0, bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    return _saved(folder, RobertaForMaskedLM, config, tokenizer)


def clip_text(folder: Path) -> Path:
    """Save CLIP's text model alone, without its projection."""
    from transformers import CLIPTextConfig, CLIPTextModel

    tokenizer = clip_tokenizer()
    config = CLIPTextConfig(
        **_TOWER, vocab_size=len(tokenizer), max_position_embeddings=LENGTH,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return _saved(folder, CLIPTextModel, config, tokenizer)


def vit(folder: Path) -> Path:
    """Save a ViT without a head, with what prepares pictures."""
    from transformers import ViTConfig, ViTModel
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    config = ViTConfig(**_TOWER, image_size=16, patch_size=8)
    processor = ViTImageProcessorPil(size={"height": 16, "width": 16})
    return _saved(folder, ViTModel, config, processor)


def clip(folder: Path) -> Path:
    """Save a CLIP with what prepares texts and pictures."""
    from transformers import CLIPConfig, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokenizer = clip_tokenizer()
    marks = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    text = {**_TOWER, "vocab_size": len(tokenizer), "max_position_embeddings": LENGTH, **marks}
    text["pad_token_id"] = tokenizer.pad_token_id
    vision = {**_TOWER, "image_size": 16, "patch_size": 8}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
    size = {"shortest_edge": 16}
    processor = CLIPImageProcessorPil(size=size, crop_size={"height": 16, "width": 16})
    return _saved(folder, CLIPModel, config, tokenizer, processor)


def siglip(folder: Path) -> Path:
    """Save a SigLIP with what prepares texts and pictures."""
    from transformers import SiglipConfig, SiglipModel
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    tokenizer = unigram_tokenizer()
    text = {**_TOWER, "vocab_size": len(tokenizer), "max_position_embeddings": LENGTH}
    text |= {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 1, "projection_size": 16}
    vision = {**_TOWER, "image_size": 16, "patch_size": 8}
    config = SiglipConfig(text_config=text, vision_config=vision)
    processor = SiglipImageProcessorPil(size={"height": 16, "width": 16})
    return _saved(folder, SiglipModel, config, tokenizer, processor)


def _saved(folder: Path, network: Any, config: Any, *beside: Any) -> Path:
    """Save a model of a seed, of large enough weights that its numbers differ, with the rest."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = network(config).eval()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    module.save_pretrained(folder)
    for one in beside:
        one.save_pretrained(folder)
    return folder
