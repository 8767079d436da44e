"""Times of levels of noise, against the schedulers of diffusers'."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest
import torch

from zoo_core.errors import ConfigError, DataError, UnsupportedError
from zoo_core.interfaces.noise import Noise
from zoo_plugin_diffusers.schedule import Schedule, times_of

SCHEDULES: dict[str, dict[str, Any]] = {
    "linear": {},
    "cosine": {"beta_schedule": "squaredcos_cap_v2"},
    "scaled": {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012},
    "short": {"num_train_timesteps": 16, "beta_start": 0.01, "beta_end": 0.4},
    "until nothing": {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction"},
}


def _of(scheduler: Any) -> Schedule:
    schedule = Schedule.of(scheduler)
    assert schedule is not None
    return schedule


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("fields", SCHEDULES.values(), ids=SCHEDULES)
def test_levels_of_the_schedule_have_whole_times(
    fields: dict[str, Any], dtype: torch.dtype
) -> None:
    scheduler = diffusers.DDIMScheduler(**fields)
    signal = scheduler.alphas_cumprod.to(dtype)
    noise = Noise(signal.sqrt(), (1 - signal).sqrt())
    times = _of(scheduler).time(noise, dtype)
    assert torch.equal(times, torch.arange(len(signal), dtype=torch.float64))


def test_a_number_for_all_rows_has_a_time() -> None:
    schedule = _of(diffusers.DDPMScheduler())
    (level,) = schedule.levels([123])
    assert float(schedule.time(level, torch.float64)) == 123


def test_between_levels_times_are_those_of_samplers_of_continuous_noise() -> None:
    euler = diffusers.EulerDiscreteScheduler()
    sigma = torch.logspace(-1, 1, 41, dtype=torch.float64)
    grid = ((1 - euler.alphas_cumprod) / euler.alphas_cumprod).sqrt().log().numpy()
    wanted = euler._sigma_to_t(sigma.numpy(), grid)
    times = _of(euler).time(Noise(torch.ones_like(sigma), sigma), torch.float64)
    assert torch.allclose(times, torch.from_numpy(wanted), atol=1e-3)


def test_times_rise_with_the_noise_and_end_at_the_schedules_ends() -> None:
    for fields in SCHEDULES.values():
        schedule = _of(diffusers.DDIMScheduler(**fields))
        angle = torch.linspace(0, torch.pi / 2, 4001, dtype=torch.float64)
        alpha = angle.cos().where(angle < angle[-1], 0.0)
        times = schedule.time(Noise(alpha, angle.sin()), torch.float64)
        assert bool((times.diff() >= 0).all())
        assert (float(times[0]), float(times[-1])) == (0, len(schedule.signal) - 1)
        assert bool(times.isfinite().all())


def test_whether_a_network_predicts_noise_or_v_or_data_its_pair_is_ddims() -> None:
    rng = torch.Generator().manual_seed(0)
    x, output = (torch.randn(4, 3, 8, 8, generator=rng) for _ in range(2))
    for target in ("epsilon", "v_prediction", "sample"):
        ddim = diffusers.DDIMScheduler(prediction_type=target, clip_sample=False)
        ddim.set_timesteps(1000)
        schedule = _of(ddim)
        for time in (0, 300, 999):
            (level,) = schedule.levels([time])
            made = schedule.prediction(x, output, level)
            wanted = ddim.step(output, time, x).pred_original_sample
            assert torch.allclose(made.x0, wanted, rtol=1e-4, atol=1e-4)
            assert torch.allclose(level.add(made.x0, made.eps), x, rtol=1e-4, atol=1e-4)
            assert torch.allclose(schedule.output(made, level), output, rtol=1e-3, atol=1e-3)


def test_schedules_of_another_kind_have_none() -> None:
    assert Schedule.of(diffusers.ScoreSdeVeScheduler()) is None
    assert Schedule.of(diffusers.FlowMatchEulerDiscreteScheduler()) is None


def test_predicted_noise_without_any_signal_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="rescale_betas_zero_snr"):
        Schedule.of(diffusers.DDIMScheduler(rescale_betas_zero_snr=True))


def test_wrong_schedules_are_refused() -> None:
    with pytest.raises(ConfigError, match="falls"):
        Schedule.of(diffusers.DDPMScheduler(trained_betas=[0.0, 0.0], num_train_timesteps=2))
    with pytest.raises(UnsupportedError, match="epsilon"):
        scheduler = diffusers.DDPMScheduler()
        scheduler.register_to_config(prediction_type="sigma")
        Schedule.of(scheduler)


def test_a_sampler_asks_at_ddims_times() -> None:
    for spacing in ("leading", "trailing", "linspace"):
        scheduler = diffusers.DDPMScheduler(timestep_spacing=spacing)
        scheduler.set_timesteps(7)
        assert times_of(scheduler, 7) == scheduler.timesteps.tolist()
    with pytest.raises(DataError, match="at most"):
        times_of(diffusers.DDPMScheduler(), 1001)
