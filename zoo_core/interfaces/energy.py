"""Energy: a model whose density is known up to a constant, as an energy."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, final

from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import DefinitionError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.model import Model


class Energy(Model, interface=True):
    """A model p(x) = exp(−E(x)) / Z; a plugin implements `_energy(z, call)`.

    Z, which no row knows of, may depend on the condition, and need not be known. A DensityModel
    beside it whose figures are unnormalised has −energy as its `log_prob`; one that knows Z has
    log p(x) = −E(x) − log Z (LeCun et al. 2006, section 1.3).

    Provisional: it may change until a second family has used it as it is.
    """

    _compilable: ClassVar[tuple[str, ...]] = ("_energy",)

    @final
    def energy(self, x: Any, *, condition: Any = None) -> Float[Tensor, " n"]:
        """Give E(x), in nats, of each row of `x [n, *shape]` as the user has it.

        exp(−E) is a density in data space: the map to network space is counted. Gradients flow
        through. Raises DataError, ConditionError.
        """
        self._require(Energy)
        data = self._checked(x)
        generator = self._rng(None, default_seed=0)
        context = self._context_of(condition, len(data))
        z, log_det = self._to_network(data, generator, None)
        energy = self._energy(z, Call(generator, context=context))
        if energy.shape != (len(data),):
            raise DefinitionError(
                f"{type(self).__name__}._energy gives one number a row, [{len(data)}]",
                received=f"shape {list(energy.shape)}",
            )
        return energy - log_det

    @abstractmethod
    def _energy(self, z: Any, call: Call) -> Tensor:
        """Give E(z) in nats, one number a row, z in network space (a Tensor or Ragged)."""
