"""Synonyms: what other libraries call the arguments and options of public methods."""

from __future__ import annotations

import difflib
from collections.abc import Collection

_CALLED_HERE = {
    "rng": ("seed", "random_state", "generator", "random_seed"),
    "n": ("num_return_sequences", "num_samples", "n_samples", "num_images_per_prompt", "size"),
    "condition": ("prompt", "label", "labels", "class_labels", "context", "cond"),
    "observed": ("prompt", "input_ids", "inputs", "prefix", "mask"),
    "lengths": ("max_length", "min_length", "max_new_tokens", "length"),
    "steps": ("num_inference_steps", "num_steps", "n_steps", "timesteps", "max_steps", "max_iter"),
    "epochs": ("num_train_epochs", "num_epochs", "n_epochs", "max_epochs"),
    "learning_rate": ("lr", "step_size"),
    "negative": ("negative_prompt",),
    "guidance_scale": ("cfg_scale", "cfg", "scale"),
    "temperature": ("temp",),
    "valid": ("eval_dataset", "validation_data", "val"),
}
_WRITTEN = {
    "rng": "rng=zoo.rng(0)",
    "observed": "observed=zoo.Observed(…)",
    "condition": "condition=…",
    "lengths": "lengths=…, the whole length",
}


def synonyms(name: str, known: Collection[str]) -> list[str]:
    """Give the names among the known ones that other libraries call so."""
    return [here for here, others in _CALLED_HERE.items() if here in known and name in others]


def remedy_for(name: str, known: Collection[str]) -> str:
    """Say what an unknown name was probably meant to be, among those that are known."""
    near = synonyms(name, known) or difflib.get_close_matches(name, known, n=1)
    if not near:
        return "Leave it out."
    return f"Did you mean {' or '.join(_WRITTEN.get(one, one) for one in near)}?"
