"""A hidden Markov model of codes: filter, smoother, best path and Baum–Welch, in plain torch."""

from __future__ import annotations

from typing import final

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.state_model import StateModel
from zoo_core.interfaces.sufficient_statistics import Stats, SufficientStatistics


class HiddenMarkov(zoo.Generator, zoo.DensityModel, StateModel, SufficientStatistics):
    """Categorical emissions (Rabiner 1989); a condition tells where the chain begins.

    Missing codes are summed out. A chain whose beginning is told has no closed M step.
    """

    architecture = "test/hidden-markov"

    @final
    class Config(zoo.Config):
        space: zoo.Space
        states: pydantic.PositiveInt = 3
        conditioner: zoo.Part | None = None

    config: Config

    def _build(self) -> None:
        states, levels = self.config.states, self.space.n_levels
        self.initial = nn.Parameter(torch.randn(states))
        self.transition = nn.Parameter(1.5 * torch.randn(states, states))
        self.emission = nn.Parameter(1.5 * torch.randn(states, levels))
        self.shift = None
        if self.config.conditioner is not None:
            self.shift = nn.Linear(self.conditioner.context_shape.as_vector, states)

    def _provides(self) -> frozenset[type[Model]]:
        return super()._provides() - ({SufficientStatistics} if self.shift is not None else set())

    @property
    def n_states(self) -> int:
        return self.config.states

    # Log-probabilities: of the first state [n, S], of a step [S, S], of the data [n, L, S].

    def begin(self, n: int, call: zoo.Call) -> Tensor:
        logits = self.initial.expand(n, -1)
        if self.shift is not None:
            logits = logits + self.shift(call.context.as_vector())
        return logits.log_softmax(-1)

    def step(self) -> Tensor:
        return self.transition.log_softmax(-1)

    def emit(self, z: zoo.Ragged) -> tuple[Tensor, Tensor]:
        codes, mask = z.padded()
        table = self.emission.log_softmax(-1).T
        seen = (mask & (codes >= 0))[..., None]
        return table[codes.clamp_min(0)].masked_fill(~seen, 0.0), mask

    def forward_pass(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        """log p(z_t, x_1 … x_t) as [n, L, S]; beyond a sequence's end it stays."""
        emitted, mask = self.emit(z)
        alpha = [self.begin(len(z), call) + emitted[:, 0]]
        for t in range(1, emitted.shape[1]):
            moved = (alpha[-1][:, :, None] + self.step()).logsumexp(1) + emitted[:, t]
            alpha.append(torch.where(mask[:, t, None], moved, alpha[-1]))
        return torch.stack(alpha, 1)

    def backward_pass(self, z: zoo.Ragged) -> Tensor:
        """log p(x_{t+1} … x_T | z_t) as [n, L, S]; 0 at a sequence's end and beyond."""
        emitted, mask = self.emit(z)
        beta = [torch.zeros_like(emitted[:, 0])]
        for t in range(emitted.shape[1] - 1, 0, -1):
            moved = (self.step() + (emitted[:, t] + beta[0])[:, None]).logsumexp(2)
            beta.insert(0, torch.where(mask[:, t, None], moved, 0.0))
        return torch.stack(beta, 1)

    def _log_prob(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        if not len(z.values):
            return self.initial.new_zeros(len(z))
        return self.forward_pass(z, call)[:, -1].logsumexp(1) * (z.lengths > 0)

    def _sample(self, n: int, call: zoo.Call) -> zoo.Ragged:
        lengths = call.lengths if call.lengths is not None else torch.full((n,), 4)
        longest = int(lengths.max())
        state = self.begin(n, call).exp().multinomial(1, generator=call.rng)[:, 0]
        codes = torch.zeros(n, longest, dtype=torch.int64)
        for t in range(longest):
            chances = self.emission.softmax(-1)[state]
            codes[:, t] = chances.multinomial(1, generator=call.rng)[:, 0]
            state = self.step().exp()[state].multinomial(1, generator=call.rng)[:, 0]
        return zoo.Ragged(codes[torch.arange(longest) < lengths[:, None]], lengths)

    def _filter(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        if not len(z.values):
            return self.initial.new_zeros(0, self.n_states)
        return self.forward_pass(z, call)[self.emit(z)[1]].log_softmax(-1)

    def _smooth(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        if not len(z.values):
            return self.initial.new_zeros(0, self.n_states)
        both = self.forward_pass(z, call) + self.backward_pass(z)
        return both[self.emit(z)[1]].log_softmax(-1)

    def _viterbi(self, z: zoo.Ragged, call: zoo.Call) -> tuple[Tensor, Tensor]:
        pairs = [self.best_path(z[i : i + 1], b) for i, b in enumerate(self.begin(len(z), call))]
        return torch.cat([path for path, _ in pairs]), torch.stack([best for _, best in pairs])

    def best_path(self, one: zoo.Ragged, begin: Tensor) -> tuple[Tensor, Tensor]:
        """Dynamic programming over one sequence (Rabiner 1989, eqs. 32–35)."""
        emitted = self.emit(one)[0][0]
        if not len(emitted):
            return torch.zeros(0, dtype=torch.int64), begin.new_zeros(())
        score, pointers = begin + emitted[0], []
        for row in emitted[1:]:
            best = (score[:, None] + self.step()).max(0)
            pointers.append(best.indices)
            score = best.values + row
        path = [score.argmax()]
        for pointer in reversed(pointers):
            path.insert(0, pointer[path[0]])
        return torch.stack(path), score.max()

    def _path_log_prob(self, z: zoo.Ragged, path: zoo.Ragged, call: zoo.Call) -> Tensor:
        if not len(z.values):
            return self.initial.new_zeros(len(z))
        emitted, mask = self.emit(z)
        states = path.padded()[0]
        first = self.begin(len(z), call).gather(1, states[:, :1])
        moved = self.step()[states[:, :-1], states[:, 1:]]
        chain = torch.cat([first, moved], 1).masked_fill(~mask, 0.0)
        return (chain + emitted.gather(2, states[..., None])[..., 0]).sum(1)

    def _statistics(self, z: zoo.Ragged, weight: Tensor, call: zoo.Call) -> Stats:
        """Expected counts of first states, moves and emissions (Rabiner 1989, eqs. 37–40)."""
        codes, mask = z.padded()
        gamma = self.initial.new_zeros(*mask.shape, self.n_states)
        gamma[mask] = self._smooth(z, call).exp()
        gamma = gamma * weight[:, None, None]
        seen = mask & (codes >= 0)
        emitted = torch.zeros_like(self.emission.T).index_add(0, codes[seen], gamma[seen])
        first = gamma[:, :1].sum((0, 1))
        return Stats({"first": first, "moves": self.moves(z, weight, call), "codes": emitted.T})

    def moves(self, z: zoo.Ragged, weight: Tensor, call: zoo.Call) -> Tensor:
        if not len(z.values):
            return torch.zeros_like(self.transition)
        emitted, mask = self.emit(z)
        alpha, later = self.forward_pass(z, call), emitted + self.backward_pass(z)
        pairs = alpha[:, :-1, :, None] + self.step() + later[:, 1:, None]
        share = (pairs - alpha[:, -1].logsumexp(1)[:, None, None, None]).exp()
        return (share * (mask[:, 1:] * weight[:, None])[..., None, None]).sum((0, 1))

    def _update(self, stats: Stats) -> None:
        tiny = torch.finfo(self.dtype).tiny
        self.initial.copy_(stats["first"].clamp_min(tiny).log())
        self.transition.copy_(stats["moves"].clamp_min(tiny).log())
        self.emission.copy_(stats["codes"].clamp_min(tiny).log())
