"""Levels of noise: what is added to data, and how much is left of them."""

from __future__ import annotations

import math

import pytest
import torch

import zoo_core as zoo
from models.noised_mixture import ExactMixture
from zoo_core.errors import DataError, UnsupportedError
from zoo_core.interfaces.noise import Noise, noised_rows


def test_added_noise_has_the_promised_size_row_by_row() -> None:
    x0, eps = torch.randn(2, 4, 3, 2, generator=zoo.rng(0), dtype=torch.float64)
    alpha, sigma = torch.tensor([1.0, 0.6, 0.0, 2.0]), torch.tensor([0.0, 0.8, 1.0, 0.5])
    together = Noise(alpha, sigma).add(x0, eps)
    for row, (a, s) in enumerate(zip(alpha.tolist(), sigma.tolist(), strict=True)):
        assert torch.allclose(together[row], a * x0[row] + s * eps[row], rtol=1e-6)
        assert torch.allclose(Noise(a, s).add(x0, eps)[row], together[row], rtol=1e-6)


def test_the_ratio_of_signal_to_noise_and_its_logarithm() -> None:
    noise = Noise(torch.tensor([0.6, 1.0, 0.0]), torch.tensor([0.8, 0.0, 3.0]))
    assert noise.snr.tolist() == pytest.approx([0.5625, math.inf, 0.0])
    assert noise.log_snr.tolist() == pytest.approx([math.log(0.5625), math.inf, -math.inf])
    assert float(Noise(2.0, 0.5).snr) == pytest.approx(16.0)


def test_levels_are_one_a_row_when_they_are_asked_for() -> None:
    x = torch.zeros(3, 2, 2)
    rows = Noise(0.6, torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)).rows(x)
    assert isinstance(rows.alpha, torch.Tensor)
    assert isinstance(rows.sigma, torch.Tensor)
    assert rows.alpha.tolist() == pytest.approx([0.6] * 3)
    assert rows.sigma.dtype is torch.float32
    assert [part.shape for part in rows.over(x)] == [(3, 1, 1), (3, 1, 1)]


@pytest.mark.parametrize(
    ("alpha", "sigma"),
    [(-0.1, 1.0), (1.0, -1.0), (math.nan, 1.0), (1.0, math.inf), (0.0, 0.0)],
)
def test_impossible_levels_are_refused(alpha: float, sigma: float) -> None:
    with pytest.raises(DataError, match="none negative"):
        Noise(alpha, sigma)
    with pytest.raises(DataError, match="none negative"):
        Noise(torch.tensor([1.0, alpha]), torch.tensor([1.0, sigma]))


def test_numbers_keep_their_digits() -> None:
    alpha, sigma = Noise(1 / 3, 2 / 3).over(torch.zeros(1, 1, dtype=torch.float64))
    assert (float(alpha), float(sigma)) == (1 / 3, 2 / 3)


def test_levels_of_another_number_of_rows_are_refused() -> None:
    with pytest.raises(DataError, match="one for each"):
        Noise(torch.ones(2), 1.0).add(torch.zeros(3, 1), torch.zeros(3, 1))
    with pytest.raises(DataError, match="one a row"):
        Noise(torch.ones(2, 1), 1.0)


def test_noised_data_are_real_numbers_whatever_the_space() -> None:
    model = ExactMixture.create(space=zoo.Space.unit(2)).double()
    assert noised_rows(model, torch.tensor([[-3.0, 4.0]])).dtype is torch.float64
    for wrong in (torch.zeros(2, 3), torch.zeros(0, 2), torch.full((1, 2), math.nan)):
        with pytest.raises(DataError, match="noised data"):
            noised_rows(model, wrong)


def test_sequences_of_unequal_length_take_no_noise() -> None:
    model = ExactMixture.create(space=zoo.Space.real(2, ragged=True))
    with pytest.raises(UnsupportedError, match="arrays"):
        noised_rows(model, torch.zeros(1, 2))
