"""Building with parameters on meta: no memory, no initialisers, nothing else changed."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from zoo_core.checkpoints.meta import idle_initialisers, meta_parameters


def test_parameters_are_meta_and_buffers_real() -> None:
    with meta_parameters():
        norm = nn.BatchNorm1d(3)
    assert norm.weight.is_meta
    assert torch.equal(norm.running_var, torch.ones(3))
    assert not nn.BatchNorm1d(3).weight.is_meta


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.MultiheadAttention(8, 2),
        lambda: nn.LSTM(3, 4, num_layers=2),
        lambda: nn.Embedding(5, 3, padding_idx=0),
        lambda: nn.ParameterList([nn.Parameter(torch.zeros(2)) for _ in range(3)]),
        lambda: nn.ParameterDict({"a": nn.Parameter(torch.zeros(2))}),
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)),
        lambda: nn.TransformerEncoderLayer(8, 2, 16),
        lambda: nn.Conv2d(3, 4, 3).requires_grad_(False),
    ],
)
def test_names_shapes_and_flags_are_those_of_the_real_module(build) -> None:
    with meta_parameters():
        shadow = build()
    real = build()
    described = [
        [(name, p.shape, p.dtype, p.requires_grad) for name, p in module.named_parameters()]
        for module in (shadow, real)
    ]
    assert described[0] == described[1]
    assert all(p.is_meta for p in shadow.parameters())


def test_a_parameter_registered_twice_stays_one() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(3, 3)
            self.b = nn.Linear(3, 3)
            self.b.weight = self.a.weight
            shared = nn.Parameter(torch.zeros(2))
            self.c, self.d = shared, shared

    with meta_parameters():
        model = Tied()
    assert model.a.weight is model.b.weight
    assert model.c is model.d


def test_the_freed_address_of_a_parameter_is_not_taken_for_it() -> None:
    with meta_parameters():
        layers = [nn.Linear(2, 2, bias=False) for _ in range(200)]
    assert len({id(layer.weight) for layer in layers}) == 200


def test_initialisers_do_nothing_and_come_back() -> None:
    before = nn.init.normal_
    with meta_parameters():
        layer = nn.Linear(2, 2)
        assert nn.init.orthogonal_(layer.weight) is layer.weight
        buffer = nn.init.ones_(torch.zeros(2))
    assert torch.equal(buffer, torch.ones(2))
    assert nn.init.normal_ is before


def test_initialisers_leave_tensors_without_memory_alone() -> None:
    before = nn.init.normal_
    with idle_initialisers():
        with torch.device("meta"):
            empty = nn.Linear(2, 2)
        layer = nn.Linear(2, 2)
        assert torch.equal(nn.init.ones_(layer.bias), torch.ones(2))
        assert nn.init.orthogonal_(empty.weight) is empty.weight
        with idle_initialisers(), meta_parameters():
            assert nn.Linear(2, 2).weight.is_meta
        assert nn.init.normal_ is not before
    assert empty.weight.is_meta
    assert nn.init.normal_ is before


def test_other_threads_build_real_modules() -> None:
    built: list[nn.Module] = []
    with meta_parameters():
        thread = threading.Thread(target=lambda: built.append(nn.Linear(2, 2)))
        thread.start()
        thread.join()
    assert not built[0].weight.is_meta


def test_an_error_while_building_leaves_everything_as_it_was() -> None:
    with pytest.raises(RuntimeError), meta_parameters():
        raise RuntimeError
    assert not nn.Linear(2, 2).weight.is_meta
