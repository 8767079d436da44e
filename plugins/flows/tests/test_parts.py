"""Linear maps, orders, normalisations and squeezes: each against autograd and its own inverse."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from zoo_plugin_flows.actnorm import ActNorm
from zoo_plugin_flows.batch_norm import BatchNorm
from zoo_plugin_flows.bijection import Bijection
from zoo_plugin_flows.images import ImageBijection, PerPixel
from zoo_plugin_flows.linear import LinearStart, LULinear
from zoo_plugin_flows.nice import Scaling
from zoo_plugin_flows.permutation import Permutation
from zoo_plugin_flows.squeeze import Squeeze

PARTS: dict[str, Callable[[int], Bijection]] = {
    "linear": LULinear,
    "linear from the identity": lambda d: LULinear(d, LinearStart.IDENTITY),
    "reverse": Permutation.reverse,
    "shuffle": Permutation.shuffle,
    "actnorm": ActNorm,
    "batch norm": BatchNorm,
    "scaling": Scaling,
}


def rows(n: int, *shape: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, *shape, generator=rng, dtype=torch.float64)


def stirred(module: Bijection) -> Bijection:
    """Move the weights away from where they start, and the statistics too."""
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=rng) / len(parameter) ** 0.5
    module.double().train()(3 * rows(200, width(module), seed=2) + 1, None)
    return module.eval()


def width(module: Bijection) -> int:
    tensors = (*module.parameters(), *module.buffers())
    return max(tensor.shape[0] for tensor in tensors if tensor.ndim)


@pytest.fixture(params=list(PARTS))
def part(request: pytest.FixtureRequest) -> Callable[[int], Bijection]:
    torch.manual_seed(0)
    return PARTS[request.param]


@pytest.mark.parametrize("d", [1, 2, 5])
def test_log_determinant_equals_autograd(part: Callable[[int], Bijection], d: int) -> None:
    module = stirred(part(d))
    x = rows(4, d)
    z, log_det = module(x, None)
    for i, row in enumerate(x):
        jacobian = torch.autograd.functional.jacobian(lambda v: module(v[None], None)[0][0], row)
        torch.testing.assert_close(log_det[i], torch.linalg.slogdet(jacobian)[1])
    again, inverse_log_det = module.inverse(z, None)
    torch.testing.assert_close(again, x)
    torch.testing.assert_close(inverse_log_det, -log_det)


@pytest.mark.parametrize("d", [2, 64])
def test_round_trip_in_float32(part: Callable[[int], Bijection], d: int) -> None:
    module = stirred(part(d)).float()
    x = rows(500, d).float()
    assert (module.inverse(module(x, None)[0], None)[0] - x).abs().max() < 1e-4


def test_gradients_reach_every_weight(part: Callable[[int], Bijection]) -> None:
    module = stirred(part(3))
    x = rows(10, 3).requires_grad_()
    z, log_det = module(x, None)
    (z.square().sum() + log_det.sum()).backward()
    assert x.grad is not None
    assert all(weight.grad is not None for weight in module.parameters())


def test_a_linear_map_starts_as_a_rotation() -> None:
    torch.manual_seed(0)
    module = LULinear(6).double()
    matrix = module(torch.eye(6, dtype=torch.float64), None)[0]
    torch.testing.assert_close(matrix @ matrix.mT, torch.eye(6).double(), atol=1e-5, rtol=0)
    assert module(rows(1, 6), None)[1].item() == pytest.approx(0, abs=1e-5)
    plain = LULinear(6, LinearStart.IDENTITY).double()
    torch.testing.assert_close(plain(rows(3, 6), None)[0], rows(3, 6))


def test_the_linear_maps_determinant_is_that_of_its_matrix() -> None:
    module = stirred(LULinear(7))
    matrix = module(torch.eye(7, dtype=torch.float64), None)[0].mT
    expected = torch.linalg.slogdet(matrix)[1]
    torch.testing.assert_close(module(rows(2, 7), None)[1], expected.expand(2))


def test_a_permutation_is_one() -> None:
    torch.manual_seed(0)
    x = torch.arange(9.0).expand(2, 9)
    torch.testing.assert_close(Permutation.reverse(9)(x, None)[0], x.flip(1))
    shuffled = Permutation.shuffle(9)(x, None)[0]
    assert not torch.equal(shuffled, x)
    assert torch.equal(shuffled.sort(1)[0], x)


def test_actnorm_takes_the_first_batchs_moments() -> None:
    module = ActNorm(3).double().train()
    x = 5 * rows(400, 3) + 100
    z, _ = module(x, None)
    torch.testing.assert_close(z.mean(0), torch.zeros(3).double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(z.var(0, correction=0), torch.ones(3).double())


def test_actnorm_is_initialised_once() -> None:
    module = ActNorm(2).double().train()
    module(rows(50, 2), None)
    state = {name: value.clone() for name, value in module.state_dict().items()}
    module(10 * rows(50, 2) + 3, None)
    for other in (module, copy.deepcopy(module), loaded(module)):
        other.train()(10 * rows(50, 2) - 3, None)
        assert all(torch.equal(other.state_dict()[name], state[name]) for name in state)


def loaded(module: ActNorm) -> ActNorm:
    """Load its tensors into a new one."""
    new = ActNorm(2).double()
    new.load_state_dict(module.state_dict())
    return new


def test_actnorm_waits_for_training() -> None:
    module = ActNorm(2).double().eval()
    x = 10 * rows(50, 2)
    torch.testing.assert_close(module(x, None)[0], x)
    assert not module.initialized


@pytest.mark.parametrize("layer", [ActNorm, BatchNorm])
def test_constant_features_stay_finite(layer: type[ActNorm | BatchNorm]) -> None:
    module = layer(2).double().train()
    z, log_det = module(torch.full((10, 2), 3.0, dtype=torch.float64), None)
    assert torch.isfinite(z).all() and torch.isfinite(log_det).all()


def test_batch_norm_averages_the_batches_moments() -> None:
    """Equal weights at first, then each batch a twentieth."""
    module = BatchNorm(2).double().train()
    batches = [rows(30, 2, seed=seed) + seed for seed in range(40)]
    mean, variance = torch.zeros(2).double(), torch.ones(2).double()
    for i, batch in enumerate(batches):
        decay = min(i / (i + 1), 0.95)
        mean = decay * mean + (1 - decay) * batch.mean(0)
        variance = decay * variance + (1 - decay) * batch.var(0, correction=0)
        z, _ = module(batch, None)
        expected = (batch - mean) / (variance + 1e-5).sqrt()
        torch.testing.assert_close(z, expected, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(module.mean, mean, atol=1e-6, rtol=1e-6)


def test_batch_norm_is_fixed_in_evaluation_mode() -> None:
    module = stirred(BatchNorm(2))
    x = rows(20, 2)
    together, _ = module(x, None)
    alone = torch.cat([module(row[None], None)[0] for row in x])
    torch.testing.assert_close(together, alone)


IMAGES: dict[str, Callable[[], ImageBijection]] = {
    "squeeze": Squeeze,
    "1 × 1 convolution": lambda: PerPixel(stirred(LULinear(3))),
    "actnorm": lambda: PerPixel(stirred(ActNorm(3))),
}


@pytest.mark.parametrize("name", list(IMAGES))
def test_images_log_determinant_equals_autograd(name: str) -> None:
    module = IMAGES[name]()
    x = rows(2, 4, 2, 3)
    z, log_det = module(x, None)
    jacobian = torch.autograd.functional.jacobian(lambda v: module(v[None], None)[0], x[0])
    expected = torch.linalg.slogdet(jacobian.reshape(24, 24))[1]
    torch.testing.assert_close(log_det[0], expected)
    again, inverse_log_det = module.inverse(z, None)
    torch.testing.assert_close(again, x)
    torch.testing.assert_close(inverse_log_det, -log_det)


def test_a_squeeze_gathers_squares() -> None:
    x = torch.arange(16.0).reshape(1, 4, 4, 1)
    z, _ = Squeeze()(x, None)
    assert z.shape == (1, 2, 2, 4)
    assert z[0, 0, 0].tolist() == [0, 1, 4, 5]
    assert z[0, 1, 1].tolist() == [10, 11, 14, 15]


def test_the_convolution_is_torchs() -> None:
    linear = stirred(LULinear(3))
    matrix = linear(torch.eye(3, dtype=torch.float64), None)[0].mT
    x = rows(2, 4, 4, 3)
    expected = torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), matrix[:, :, None, None])
    torch.testing.assert_close(PerPixel(linear)(x, None)[0], expected.permute(0, 2, 3, 1))
