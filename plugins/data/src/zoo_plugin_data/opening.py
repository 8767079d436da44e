"""Opening data by reference: a data set's name, a path, or a data set of the Hub."""

from __future__ import annotations

from pathlib import Path

from zoo_core.errors import DataError, UnknownNameError
from zoo_core.interfaces.dataset import DataRequest, Dataset
from zoo_core.plugins import facade
from zoo_plugin_data.closest import did_you_mean
from zoo_plugin_data.formats import is_path, open_path
from zoo_plugin_data.fresh_draws import with_draws
from zoo_plugin_data.hugging_face import SCHEME, open_named
from zoo_plugin_data.rewindowing import with_length
from zoo_plugin_data.selection import selected
from zoo_plugin_data.tokens import tokenizer_of, with_tokens


def open_data(reference: str, request: DataRequest) -> Dataset | None:
    """Open what a reference names, or give None for a scheme that is not known here.

    Raises UnknownNameError for a name that no data set has, DataError for bad data.
    """
    loaders = facade.datasets()
    if reference in loaders:
        dataset = loaders[reference](request.split)
        if tokenizer_of(request) is not None:
            return with_tokens(dataset, request)
        if request.draws is not None:
            dataset = with_draws(dataset, request.draws)
        if request.length is not None:
            dataset = with_length(dataset, request.length)
        return selected(dataset, request)
    if request.draws is not None:
        raise DataError("Fresh rows are drawn from a density that is known", received=reference)
    if reference.startswith(SCHEME):
        _refuse_tokens(reference, request)
        return open_named(reference, request).dataset(reference, request)
    if is_path(reference):
        return open_path(reference, request).dataset(_file_name(reference), request)
    if "://" in reference:
        return None
    raise UnknownNameError(
        "No data set has this name",
        received=repr(reference),
        remedy=f"{did_you_mean(reference, sorted(loaders))} A file or folder is given by its "
        f"path: ./{reference}.",
    )


def _refuse_tokens(reference: str, request: DataRequest) -> None:
    if tokenizer_of(request) is not None:
        raise DataError(
            "Data for a model of text are a .txt or .jsonl file, or a data set's name",
            received=reference,
            remedy="Save its texts, in a column `text`: load_dataset(…).to_json('texts.jsonl').",
        )


def _file_name(reference: str) -> str:
    return Path(reference).expanduser().resolve().name
