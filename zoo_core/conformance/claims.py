"""Claims: what a model's class and registry entry say that it does; a check follows from one."""

from __future__ import annotations

from collections.abc import Callable

from zoo_core.conformance.subject import Subject
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.density import DensityKind, DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import Model, provided
from zoo_core.interfaces.wrapped import Wrapped

Claim = Callable[[Subject], bool]


def every(subject: Subject) -> bool:
    """Claim what every model claims."""
    del subject
    return True


def provides(*interfaces: type[Model]) -> Claim:
    """Claim every one of these interfaces."""
    return lambda subject: all(one in subject.model.provides for one in interfaces)


def density_is(kind: DensityKind) -> Claim:
    """Claim to be a DensityModel whose default log_prob is of this kind."""

    def claimed(subject: Subject) -> bool:
        model = subject.model
        return provided(model, DensityModel) and model.density.kind is kind

    return claimed


def without_noise(subject: Subject) -> bool:
    """Claim a log_prob that draws nothing: of a bound's noise every batch and type has its own."""
    model = subject.model
    fixed = (DensityKind.EXACT, DensityKind.UNNORMALIZED)
    return (
        provided(model, DensityModel)
        and model.density.kind in fixed
        and not model.preprocessing.dequantizes
    )


def conditional(subject: Subject) -> bool:
    """Claim to take a condition."""
    return subject.model.is_conditional


def has_loss(model: Model) -> bool:
    """Say whether a model has a loss, its own or −log_prob; a wrapped module may have none."""
    return model.has_loss if isinstance(model, Wrapped) else type(model)._loss is not Model._loss


def observes(subject: Subject) -> bool:
    """Claim to take a part of the sample as known."""
    return type(subject.model).observes


def both(*claims: Claim) -> Claim:
    """Claim all of these."""
    return lambda subject: all(claim(subject) for claim in claims)


is_generator = provides(Generator)
is_density = provides(DensityModel)
is_conditioner = provides(Conditioner)
