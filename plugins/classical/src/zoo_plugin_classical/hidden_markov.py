"""HiddenMarkov: what all hidden Markov models share, whatever their states emit."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import DataError, UnsupportedError
from zoo_core.interfaces.fitting import FitReport, FitRequest
from zoo_core.interfaces.state_model import StateModel
from zoo_core.interfaces.sufficient_statistics import Stats, SufficientStatistics
from zoo_plugin_classical import compiled_passes, forward_backward
from zoo_plugin_classical.expectation_maximization import (
    LOG_LIKELIHOOD,
    EMOptions,
    NetworkRows,
    fit_by_em,
)
from zoo_plugin_classical.expectation_pass import ExpectationPass, StackPass
from zoo_plugin_classical.forward_backward import Chain, first_steps
from zoo_plugin_classical.hidden_markov_config import HiddenMarkovConfig, Learnt
from zoo_plugin_classical.hidden_markov_start import drawn_steps, first_counts, first_shares
from zoo_plugin_classical.known_states import KnownStates
from zoo_plugin_classical.markov_chain import MarkovChain
from zoo_plugin_classical.mixture_start import Start
from zoo_plugin_classical.stack import Stack

LENGTH = 32
"""Steps of a sample whose length isn't asked for."""
_CHUNK = 2**14
"""Steps whose emissions are worked on at once."""
_EMITTED = "emissions."


class HiddenMarkov(zoo.Generator, zoo.DensityModel, StateModel, SufficientStatistics):
    """p(x) = Σ_z p(z_1) Π p(z_t+1 | z_t) Π p(x_t | z_t), learnt by Baum–Welch.

    Rabiner 1989, "A tutorial on hidden Markov models". A subclass says what states emit by
    `_emissions`. Missing entries are summed out. A row is a sequence: weights and the log-
    likelihoods of a fit's report are per sequence.

    `fit` takes `start` (k-means++, random, present) and the options `iterations`, `tolerance`
    (nats a sequence), `restarts`, and `states`, a Ragged that tells the state of some steps (−1
    for the others), so that the fit is semi-supervised.
    """

    Config: ClassVar[type[zoo.Config]] = HiddenMarkovConfig
    first_choice: ClassVar[Start] = Start.K_MEANS
    """Where a fit starts unless told otherwise."""

    config: Any
    stack: Any
    """What the states emit, a Stack; a class narrows the annotation to its own."""

    @final
    def _build(self) -> None:
        config = self.config
        self.chain = MarkovChain(
            config.moves, config.begins, config.initial_prior, config.transition_prior
        )
        self.stack = self._emissions()
        learnt = set(config.learnt)
        self.chain.initial_logits.requires_grad_(Learnt.INITIAL in learnt)
        self.chain.transition_logits.requires_grad_(Learnt.TRANSITION in learnt)
        if Learnt.EMISSIONS not in learnt:
            self.stack.requires_grad_(False)

    @abstractmethod
    def _emissions(self) -> Stack:
        """Make the stack of the states' distributions."""

    @property
    @final
    def n_states(self) -> int:
        """How many states there are."""
        return self.config.n_states

    @property
    @final
    def initial(self) -> Float[Tensor, " s"]:
        """Probabilities of the first state."""
        return self.chain.log_initial.exp()

    @property
    @final
    def transition(self) -> Float[Tensor, "s s"]:
        """Probabilities of the next state, a row for each state."""
        return self.chain.log_transition.exp()

    @final
    def set_chain(self, *, initial: Any = None, transition: Any = None) -> None:
        """Set the probabilities of the first state `[S]`, of each move `[S, S]`, or both.

        A fit with `start="present"` begins there, and leaves a 0 at 0. Raises DataError for rows
        that are no probabilities or allow what the configuration forbids.
        """
        self._refuse_given("be changed")
        self.chain.set(
            None if initial is None else self.chain.checked_initial(initial),
            None if transition is None else self.chain.checked_transition(transition),
        )

    @final
    def stationary(self) -> Float[Tensor, " s"]:
        """Give the distribution of states that a step leaves as it is, π = π A, in float64.

        Raises UnsupportedError where there are several, as in a chain with two ends.
        """
        return self.chain.stationary()

    @final
    @torch.no_grad()
    def sample_states(self, x: zoo.Ragged, *, rng: torch.Generator | None = None) -> zoo.Ragged:
        """Draw a path of states from p(z | x) for each sequence; fresh without rng.

        Forward filtering, backward sampling (Chib 1996, section 2). Raises DataError.
        """
        z, _, _ = self._sequences(x, None)
        chain = self._chain(z)
        log_filter = self._possible(chain.log_filter(), chain)
        noise = self._uniform(len(z.values), self._rng(rng, default_seed=None))
        path = compiled_passes.drawn_posterior(chain.cpu(), log_filter.cpu(), noise)
        return zoo.Ragged(path.to(self.device), z.lengths)

    @final
    @torch.no_grad()
    def forecast(self, x: zoo.Ragged, steps: int) -> Float[Tensor, "n steps s"]:
        """Give the states' probabilities at each of the next steps after each sequence.

        After a sequence without steps these are its first. Raises DataError.
        """
        if steps < 1:
            raise DataError("A forecast is of at least one step", received=steps)
        z, _, _ = self._sequences(x, None)
        chain = self._chain(z)
        log_filter = self._possible(chain.log_filter(), chain)
        transition = chain.log_transition.exp()
        state = chain.log_initial.exp().expand(len(z), -1).clone()
        some = z.lengths > 0
        state[some] = log_filter[(z.lengths.cumsum(0) - 1)[some]].exp() @ transition
        states = [state]
        for _ in range(steps - 1):
            states.append(states[-1] @ transition)
        return torch.stack(states, 1).to(self.dtype)

    @final
    @torch.no_grad()
    def sample_forecast(
        self, x: zoo.Ragged, steps: int, *, rng: torch.Generator | None = None
    ) -> Shaped[Tensor, "n steps ..."]:
        """Draw how each sequence goes on for so many steps, `[n, steps, *step]`; fresh without rng.

        Raises DataError.
        """
        begin = self.forecast(x, steps)[:, 0]
        generator = self._rng(rng, default_seed=None)
        lengths = torch.full((len(begin),), steps)
        made = self._drawn(begin, lengths, generator).values
        return made.reshape(len(begin), steps, *self.space.shape)

    @final
    @torch.no_grad()
    def forecast_mean(self, x: zoo.Ragged, steps: int) -> Float[Tensor, "n steps ..."]:
        """Give E[x_T+1], E[x_T+2], … given each sequence, `[n, steps, *step]`.

        Raises DataError, and UnsupportedError where steps are codes, which have no mean.
        """
        means = self._means()
        if means is None:
            raise UnsupportedError(
                f"What {self._name} emits has no mean", remedy="Use forecast(x, steps)."
            )
        return torch.einsum("nts,s...->nt...", self.forecast(x, steps), means)

    @final
    @torch.no_grad()
    def aic(self, x: zoo.Ragged) -> float:
        """Give Akaike's information criterion, 2 k − 2 log p(x), k the free parameters."""
        return 2 * self.free_parameters - 2 * float(self.log_prob(x).double().sum())

    @final
    @torch.no_grad()
    def bic(self, x: zoo.Ragged) -> float:
        """Give Bayes' information criterion, k log T − 2 log p(x), T the steps of all sequences."""
        steps = max(1, len(x.values))
        return math.log(steps) * self.free_parameters - 2 * float(self.log_prob(x).double().sum())

    @property
    @final
    def free_parameters(self) -> int:
        """How many numbers a fit is free to choose."""
        initial, moves = self.chain.free_parameters
        free = {
            Learnt.INITIAL: initial,
            Learnt.TRANSITION: moves,
            Learnt.EMISSIONS: self.stack.free_parameters,
        }
        return sum(free[part] for part in set(self.config.learnt))

    # What the interfaces ask for.

    @final
    def _log_prob(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        del call
        parts = (self.chain.log_initial, self.chain.log_transition, self._log_emission(z))
        return forward_backward.log_prob(*parts, z.lengths)

    @final
    def _sample(self, n: int, call: zoo.Call) -> zoo.Ragged:
        lengths = torch.full((n,), LENGTH) if call.lengths is None else call.lengths
        return self._drawn(self.initial.expand(n, -1), lengths, call.rng)

    @final
    def _filter(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        del call
        chain = self._chain(z)
        return self._possible(chain.log_filter(), chain).to(self.dtype)

    @final
    def _smooth(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        del call
        found = self._chain(z).posterior()
        self._refuse_impossible(found.log_prob)
        return found.states.log_().to(self.dtype)

    @final
    def _viterbi(self, z: zoo.Ragged, call: zoo.Call) -> tuple[Tensor, Tensor]:
        del call
        path, best = compiled_passes.best_path(self._chain(z).cpu())
        return path.to(self.device), best.to(self.device, self.dtype)

    @final
    def _path_log_prob(self, z: zoo.Ragged, path: zoo.Ragged, call: zoo.Call) -> Tensor:
        del call
        states = path.values
        first = torch.zeros_like(states, dtype=torch.bool)
        first[first_steps(z.lengths)] = True
        moved = self.chain.log_transition[states.roll(1), states]
        chain = torch.where(first, self.chain.log_initial[states], moved)
        emitted = self._log_emission(z).gather(1, states[:, None])[:, 0]
        return z.segment_sum(chain + emitted)

    @final
    @torch.no_grad()
    def _statistics(self, z: Any, weight: Tensor, call: zoo.Call) -> Stats:
        work, parts = self._expectation_pass(), self._steps(z).split(_CHUNK)
        log_emission = self._emission_scores(work, parts, len(z.values))
        if isinstance(call.options, KnownStates):
            log_emission = call.options.told(log_emission)
        found = self._chain(z, log_emission).posterior(weight)
        for part, share in zip(parts, found.states.split(_CHUNK), strict=True):
            work.take(part)
            work.count(share.to(self.dtype))
        counted = torch.where(weight > 0, weight.double() * found.log_prob, 0.0)
        emitted = {f"{_EMITTED}{name}": tensor for name, tensor in work.sums().items()}
        sums = {
            LOG_LIKELIHOOD: counted.sum(),
            "initial": found.states[first_steps(z.lengths)].sum(0),
            "moves": found.moves,
        }
        return Stats(sums | emitted)

    @final
    def _update(self, stats: Stats) -> None:
        learnt = set(self.config.learnt)
        if Learnt.INITIAL in learnt:
            self.chain.update_initial(stats["initial"])
        if Learnt.TRANSITION in learnt:
            self.chain.update_transition(stats["moves"])
        if Learnt.EMISSIONS in learnt:
            own = {n: t for n, t in stats.tensors.items() if n.startswith(_EMITTED)}
            self.stack.update({name.removeprefix(_EMITTED): t for name, t in own.items()})

    @final
    def _log_prior(self) -> Tensor:
        return self.chain.log_prior() + self.stack.log_prior().to(self.device, self.dtype)

    @final
    def _fit(self, request: FitRequest) -> FitReport:
        given = dict(request.options)
        states = given.pop("states", None)
        known = None
        if states is not None:
            known = KnownStates.of(states, request.data, self.n_states).to(self.device)
        options = self._options(EMOptions, given)
        first = self.first_choice if request.start is None else Start.of(request.start)

        def start(rows: NetworkRows, rng: torch.Generator) -> None:
            if first is not Start.PRESENT:
                self._begin(rows, known, first, rng)

        return fit_by_em(self, request, options, start, call_options=known)

    # The start of a fit.

    def _begin(
        self, rows: NetworkRows, known: KnownStates | None, first: Start, rng: torch.Generator
    ) -> None:
        """Set what is learnt afresh, from the first batch of rows."""
        z, weight, _ = next(iter(rows))
        learnt = set(self.config.learnt)
        if Learnt.EMISSIONS in learnt:
            chosen, counts = drawn_steps(torch.repeat_interleave(weight, z.lengths), rng)
            states = torch.full_like(chosen, -1) if known is None else known.states[chosen]
            steps = self._steps(z)[chosen]
            flat = steps.reshape(len(steps), self.space.size)
            shares = first_shares(flat, counts, self.space, states, self.n_states, first, rng)
            self._start_emissions(steps, shares.to(self.dtype), first, rng)
        initial, moves = first_counts(z.lengths, known, self.n_states, first, rng)
        self.chain.set(
            initial if Learnt.INITIAL in learnt else None,
            moves if Learnt.TRANSITION in learnt else None,
        )

    # What the rest is made of.

    def _start_emissions(
        self, steps: Tensor, shares: Tensor, start: Start, rng: torch.Generator
    ) -> None:
        """Set what states emit from the steps that each begins with."""
        del start, rng
        self.stack.start(steps, shares)

    def _expectation_pass(self) -> ExpectationPass:
        """Begin a pass over steps under the present parameters of what states emit."""
        return StackPass(self.stack)

    def _means(self) -> Tensor | None:
        """Give the mean of what each state emits, `[S, *step]`; None where there is none."""
        return None

    def _steps(self, z: zoo.Ragged) -> Tensor:
        """Give the steps end to end as the stack takes them, by default flat `[T, d]`."""
        return z.values.reshape(len(z.values), self.space.size)

    @final
    def _log_emission(self, z: zoo.Ragged) -> Float[Tensor, "t s"]:
        """Give log p(x_t | z_t) of all steps end to end."""
        if not len(z.values):
            return self.chain.initial_logits.new_zeros(0, self.n_states)
        return self.stack.log_prob_each(self._steps(z))

    @final
    def _emission_scores(
        self, work: ExpectationPass, parts: Sequence[Tensor], total: int
    ) -> Float[Tensor, "t s"]:
        """Give log p(x_t | z_t) of steps that come in parts, in float64."""
        scores = torch.empty(total, self.n_states, device=self.device, dtype=torch.float64)
        for part, own in zip(parts, scores.split(_CHUNK), strict=True):
            if len(part):
                work.take(part)
                work.score_into(own)
        return scores

    @final
    def _chain(self, z: zoo.Ragged, log_emission: Tensor | None = None) -> Chain:
        if log_emission is None:
            steps = self._steps(z).split(_CHUNK)
            log_emission = self._emission_scores(self._expectation_pass(), steps, len(z.values))
        parts = (self.chain.log_initial, self.chain.log_transition, log_emission)
        return Chain.of(*parts, z.lengths, spend=True)

    @final
    def _drawn(self, initial: Tensor, lengths: Tensor, rng: torch.Generator) -> zoo.Ragged:
        """Draw sequences that begin with a row of `initial [n, S]` each."""
        noise = self._uniform(int(lengths.sum()), rng)
        parts = (lengths.cpu(), initial.detach().cpu(), self.transition.detach().cpu(), noise)
        path = compiled_passes.drawn_chain(*parts).to(self.device)
        made = self.stack.sample_each(path, rng)
        return zoo.Ragged(made.reshape(len(path), *self.space.shape), lengths)

    @final
    def _uniform(self, n: int, rng: torch.Generator) -> Float[Tensor, " n"]:
        """Draw uniform numbers on the CPU, where the chain is drawn."""
        return torch.rand(n, generator=rng, device=rng.device, dtype=torch.float64).cpu()

    @final
    def _possible(self, log_filter: Tensor, chain: Chain) -> Tensor:
        """Give the filter back if every step has a state with a probability."""
        some = log_filter.amax(1) if log_filter.numel() else log_filter.new_zeros(0)
        self._refuse_impossible(zoo.Ragged(some, chain.lengths).segment_sum(some))
        return log_filter

    @final
    def _refuse_impossible(self, log_prob: Tensor) -> None:
        if bool((log_prob == -torch.inf).any()):
            where = (log_prob == -torch.inf).nonzero()[0].item()
            raise DataError(
                "States have probabilities given data that are possible under the model",
                received=f"data of probability 0, in row {where}",
                remedy="Look at log_prob; fit the model to such data, or allow more moves.",
            )
