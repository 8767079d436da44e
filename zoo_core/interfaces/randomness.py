"""Random generators: the one way by which randomness enters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from zoo_core.errors import OptionError

_SEEDS = 2**63 - 1


def rng(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Make a random generator from a seed; never touches torch's global one."""
    return torch.Generator(device).manual_seed(seed)


def fresh_rng(device: torch.device | str = "cpu") -> torch.Generator:
    """Make a generator seeded by the operating system, for who gave none."""
    generator = torch.Generator(device)
    generator.seed()
    return generator


def child_rng(parent: torch.Generator, device: torch.device | str) -> torch.Generator:
    """Draw a seed from the parent and make a generator of it on a device.

    Children are independent of how much each of them is used, so that a chunk's draws do not
    depend on the chunks before it. `child_rng(rng(0), model.device)` is what the first chunk of
    `model.sample(n, rng=rng(0))` draws from.
    """
    seed = torch.randint(_SEEDS, (), generator=parent, device=parent.device)
    return rng(int(seed), device)


@contextmanager
def seeded_initialisers(seed: int) -> Iterator[None]:
    """Seed torch's global generator for initialisers, which take no other, and restore it after.

    Initial weights are made on the CPU, so that one seed gives the same model on every device.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


@contextmanager
def seeded_globally(parent: torch.Generator, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators by the parent for code that takes no other; restore them.

    Those of the CPU and of the device. Code that draws from them then gives the same for the same
    parent, and changes nothing for others.
    """
    seed = int(torch.randint(_SEEDS, (), generator=parent, device=parent.device))
    if device.type == "cpu":
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            yield
        return
    with torch.random.fork_rng(devices=[device], device_type=device.type):
        torch.default_generator.manual_seed(seed)
        state = torch.Generator(device).manual_seed(seed).get_state()
        torch.get_device_module(device).set_rng_state(state, device)
        yield


def require_generator(generator: object) -> torch.Generator:
    """Give a generator back. Raises OptionError for anything else, such as a seed."""
    if not isinstance(generator, torch.Generator):
        raise OptionError(
            "rng is a torch.Generator",
            received=repr(generator),
            remedy="Give rng=zoo.rng(seed).",
        )
    return generator
