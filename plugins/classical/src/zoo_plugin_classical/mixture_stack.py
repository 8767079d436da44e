"""MixtureStack: K mixtures, each of M distributions of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import one_hot

import zoo_core as zoo
from zoo_plugin_classical.markov_chain import LEAST
from zoo_plugin_classical.mixture_start import Start, comparable, groups
from zoo_plugin_classical.stack import Stack

_PARTS = "parts."
_CHUNK = 2**14
"""Rows whose shares are held at once, so that memory is bounded."""


@final
class MixtureStack(Stack):
    """p_k(x) = Σ_m w_km p_km(x); `parts` are the K · M distributions, those of one k together.

    `prior` is the concentration of a Dirichlet prior on the weights of each k, 1 for none.
    """

    def __init__(self, k: int, components: int, parts: Stack, prior: float) -> None:
        super().__init__()
        self.k, self.components, self.prior = k, components, prior
        self.parts = parts
        self.weight_logits = nn.Parameter(torch.zeros(k, components))

    @property
    def free_parameters(self) -> int:
        """Those of the parts, and all weights but one of each mixture."""
        return self.parts.free_parameters + self.k * (self.components - 1)

    @property
    def weights(self) -> Float[Tensor, "k m"]:
        """The weights of each mixture's parts; they add up to 1."""
        return self.weight_logits.softmax(1)

    def log_prob_each(self, z: Tensor) -> Float[Tensor, "n k"]:
        """Give log Σ_m w_km p_km(z) in nats."""
        return torch.cat([self._joint(rows).logsumexp(2) for rows in z.split(_CHUNK)])

    def sample_each(self, which: Int64[Tensor, " n"], rng: torch.Generator) -> Tensor:
        """Draw a part by the weights, and a row of it."""
        part = self.weights[which].multinomial(1, generator=rng)[:, 0]
        return self.parts.sample_each(which * self.components + part, rng)

    @torch.no_grad()
    def statistics_each(self, z: Tensor, weight: Float[Tensor, "n k"]) -> Mapping[str, Tensor]:
        """Give the parts' expected rows, and what they learn from them."""
        sums: dict[str, Tensor] = {}
        for rows, count in zip(z.split(_CHUNK), weight.split(_CHUNK), strict=True):
            share = self._joint(rows).softmax(2) * count[:, :, None]
            own = self.parts.statistics_each(rows, share.flatten(1))
            found = {f"{_PARTS}{name}": tensor for name, tensor in own.items()}
            found["rows"] = share.sum(0, dtype=torch.float64)
            sums = {name: sums.get(name, 0) + tensor for name, tensor in found.items()}
        return sums

    @torch.no_grad()
    def update(self, stats: Mapping[str, Tensor]) -> None:
        """Set weights and parts; a mixture without rows keeps its own."""
        rows = stats["rows"] + (self.prior - 1)
        total = rows.sum(1, keepdim=True)
        shares = (rows / total.where(total > 0, 1.0)).clamp_min(LEAST).log()
        self.weight_logits.copy_(torch.where(total > 0, shares, self.weight_logits.double()))
        own = {name: tensor for name, tensor in stats.items() if name.startswith(_PARTS)}
        self.parts.update({name.removeprefix(_PARTS): tensor for name, tensor in own.items()})

    @torch.no_grad()
    def start(self, z: Tensor, weight: Float[Tensor, "n k"]) -> None:
        """Set parts to groups of each mixture's rows, by draws that are always the same."""
        self.start_by(z, weight, Start.K_MEANS, zoo.rng(0, z.device))

    @torch.no_grad()
    def start_by(
        self, z: Tensor, weight: Float[Tensor, "n k"], start: Start, rng: torch.Generator
    ) -> None:
        """Set parts to groups of each mixture's rows, and weights to the groups' shares."""
        shares = [self._grouped(z, own, start, rng) for own in weight.T]
        rows = torch.stack([share.sum(0) for share in shares]).double()
        self.weight_logits.copy_((rows / rows.sum(1, keepdim=True)).nan_to_num(1.0).add(0.01).log())
        self.parts.start(z, torch.cat(shares, 1))

    def log_prior(self) -> Tensor:
        """Give the log-density of the parts' priors and of the weights', up to a constant."""
        own = (self.prior - 1) * self.weight_logits.log_softmax(1).sum()
        return own + self.parts.log_prior().to(own)

    def _joint(self, z: Tensor) -> Float[Tensor, "n k m"]:
        """Give log w_km p_km(z)."""
        each = self.parts.log_prob_each(z).view(len(z), self.k, self.components)
        return self.weight_logits.log_softmax(1) + each

    def _grouped(
        self, z: Tensor, weight: Tensor, start: Start, rng: torch.Generator
    ) -> Float[Tensor, "n m"]:
        """Share one mixture's rows among its parts."""
        own = (weight > 0).nonzero()[:, 0]
        shares = weight.new_zeros(len(z), self.components)
        if len(own):
            rows, counts = comparable(z[own], weight[own].double()), weight[own].double()
            group = groups(rows, counts, self.components, start, rng)
            shares[own] = one_hot(group, self.components).to(weight) * weight[own, None]
        return shares
