"""Masked language models, against sums over all texts and all orders of a tiny vocabulary."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import ConfigError, DataError
from zoo_core.interfaces.density import DensityKind, Measure
from zoo_plugin_transformers.frame import Frame
from zoo_plugin_transformers.masked_lm import MaskedLM

Saved = Callable[[str], Path]
LEVELS, FRONT, BEHIND, MASK = 5, 2, 3, 4
LENGTH = 3


def _network(**fields: Any) -> Any:
    """Make a tiny BERT whose guesses depend much on what is known."""
    from transformers import BertConfig, BertForMaskedLM

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    fields = {**sizes, "intermediate_size": 16, "vocab_size": LEVELS, "pad_token_id": 0, **fields}
    config = BertConfig(max_position_embeddings=8, **fields)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        module = BertForMaskedLM(config).eval()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.9)
    return module


@functools.cache
def _model() -> Any:
    config = MaskedLM.around(_network(), mask=MASK).config
    frame = Frame(front=(FRONT,), behind=(BEHIND,), longest=8)
    fields = config.model_copy(update={"frame": frame})
    return MaskedLM(fields, parts={"network": _network()}).eval()


@functools.cache
def _guesses(length: int) -> dict[tuple[int, ...], Tensor]:
    """Ask the library for log p `[length, levels]` in every state of knowledge, −1 unknown."""
    states = list(itertools.product(range(-1, LEVELS), repeat=length))
    tokens = torch.tensor([[FRONT, *(MASK if c < 0 else c for c in s), BEHIND] for s in states])
    with torch.no_grad():
        logits = _model().network(input_ids=tokens).logits[:, 1:-1]
    return dict(zip(states, logits.double().log_softmax(-1), strict=True))


def _in_order(x: Sequence[int], order: Sequence[int], known: Sequence[int] = ()) -> float:
    """Give Σ_t log p(x_σ(t) | known, x_σ(<t)) of one order, from the table."""
    state, total = [code if i in known else -1 for i, code in enumerate(x)], 0.0
    for place in order:
        total += float(_guesses(len(x))[tuple(state)][place, x[place]])
        state[place] = x[place]
    return total


def _by_orders(x: Sequence[int], known: Sequence[int] = ()) -> list[float]:
    rest = [place for place in range(len(x)) if place not in known]
    return [_in_order(x, order, known) for order in itertools.permutations(rest)]


def _exact(x: Sequence[int], known: Sequence[int] = ()) -> float:
    """Give p(rest | known), the mean over all orders."""
    orders = _by_orders(x, known)
    return sum(map(math.exp, orders)) / len(orders)


def _texts(length: int) -> list[tuple[int, ...]]:
    return list(itertools.product(range(LEVELS), repeat=length))


def _frequencies_agree(made: zoo.Ragged, probabilities: dict[tuple[int, ...], float]) -> bool:
    """Test by χ² whether texts were drawn with these probabilities, rare ones taken together."""
    seen = [tuple(row.tolist()) for row in made]
    counts = {text: seen.count(text) for text in probabilities}
    assert sum(counts.values()) == len(seen)
    often = [text for text, p in probabilities.items() if p * len(seen) >= 5]
    observed = [counts[text] for text in often]
    expected = [probabilities[text] * len(seen) for text in often]
    observed.append(len(seen) - sum(observed))
    expected.append(len(seen) - sum(expected))
    return stats.chisquare(observed, expected).pvalue > 1e-3


def test_the_mixture_of_orders_is_a_distribution_and_no_single_order_is_it() -> None:
    total = sum(_exact(x) for x in _texts(LENGTH))
    assert total == pytest.approx(1, abs=1e-9)
    spread = [max(orders) - min(orders) for orders in map(_by_orders, _texts(LENGTH))]
    assert max(spread) > 0.1


def test_one_order_scores_as_the_library_does_in_one_of_the_orders() -> None:
    x = (0, 3, 1)
    scores = {round(_model().log_prob([x], rng=zoo.rng(seed)).item(), 4) for seed in range(60)}
    assert scores == {round(score, 4) for score in _by_orders(x)}
    assert _model().density == zoo.Density(
        DensityKind.LOWER_BOUND, Measure.MASS, "one random order"
    )


def test_many_orders_come_to_the_exact_mass() -> None:
    every = _texts(LENGTH)[::9]
    bound = _model().log_prob(list(every), samples=400, rng=zoo.rng(0))
    exact = torch.tensor([math.log(_exact(x)) for x in every])
    assert torch.allclose(bound.detach(), exact, atol=0.05)
    one = torch.stack([_model().log_prob(list(every), rng=zoo.rng(s)) for s in range(40)])
    assert float(one.mean().detach()) < float(exact.mean())


@pytest.mark.parametrize("known", [(1,), (0, 2), (0, 1, 2)])
def test_the_rest_given_any_part(known: tuple[int, ...]) -> None:
    every = _texts(LENGTH)[::17]
    mask = torch.tensor([place in known for _ in every for place in range(LENGTH)])
    lengths = torch.full((len(every),), LENGTH)
    given = {"observed": zoo.Ragged(mask, lengths), "rng": zoo.rng(0)}
    scores = _model().log_prob(list(every), samples=200, **given)
    exact = torch.tensor([math.log(_exact(x, known)) for x in every])
    assert torch.allclose(scores.detach(), exact, atol=0.05 if len(known) < 2 else 1e-5)


def test_samples_follow_the_mixture() -> None:
    made = _model().sample(3000, lengths=2, rng=zoo.rng(0))
    assert _frequencies_agree(made, {x: _exact(x) for x in _texts(2)})
    wrong = {x: math.exp(_in_order(x, (0, 1))) for x in _texts(2)}
    assert not _frequencies_agree(made, wrong)


def test_samples_follow_what_is_known_anywhere() -> None:
    known = zoo.Observed([torch.tensor([-1, 3, -1])])
    made = _model().sample(3000, observed=known, rng=zoo.rng(1))
    texts = [x for x in _texts(LENGTH) if x[1] == 3]
    assert _frequencies_agree(made, {x: _exact(x, (1,)) for x in texts})


def test_all_at_once_is_declared_independence() -> None:
    made = _model().sample(3000, lengths=2, steps=1, rng=zoo.rng(0))
    nothing = _guesses(2)[-1, -1].exp()
    product = {x: float(nothing[0, x[0]] * nothing[1, x[1]]) for x in _texts(2)}
    assert _frequencies_agree(made, product)
    assert not _frequencies_agree(made, {x: _exact(x) for x in _texts(2)})
    fine = _model().sample(40, lengths=[3, 1, 0, 2] * 10, steps=3, rng=zoo.rng(0))
    assert fine.lengths.tolist() == [3, 1, 0, 2] * 10


def test_a_low_temperature_takes_the_likeliest() -> None:
    made = _model().sample(8, lengths=1, temperature=1e-4, rng=zoo.rng(0))
    assert set(made.values.tolist()) == {int(_guesses(1)[-1,].argmax())}


def test_lengths_may_be_unequal_and_go_beyond_what_is_known() -> None:
    known = zoo.Observed(zoo.Ragged.of([torch.tensor([1]), torch.tensor([-1, 2, 0])]))
    made = _model().sample(2, observed=known, lengths=[3, 3], rng=zoo.rng(0))
    first, second = made
    assert first[0] == 1
    assert second[1:].tolist() == [2, 0]
    rows = zoo.Ragged.of([torch.tensor([1, 0, 3]), torch.tensor([2]), torch.tensor([]).long()])
    scores = _model().log_prob(rows, samples=300, rng=zoo.rng(0)).tolist()
    assert scores[0] == pytest.approx(math.log(_exact((1, 0, 3))), abs=0.05)
    assert scores[1] == pytest.approx(_in_order((2,), (0,)), abs=1e-5)
    assert scores[2] == 0


def test_the_loss_is_an_unbiased_estimate_of_the_bound() -> None:
    x, many = (0, 3, 1), 4000
    rows = zoo.Ragged(torch.tensor(x).repeat(many), torch.full((many,), LENGTH))
    with torch.no_grad():
        loss = _model().loss(zoo.Batch(rows), rng=zoo.rng(0))
    mean = -sum(_by_orders(x)) / math.factorial(LENGTH)
    assert abs(float(loss.mean()) - mean) < 4 * float(loss.std()) / math.sqrt(many)


def test_gradients_reach_the_network() -> None:
    model = _model()
    weight = model.get_parameter("network.cls.predictions.bias")
    (gradient,) = torch.autograd.grad(model.log_prob([(0, 3, 1)]).sum(), weight)
    expected = torch.zeros(LEVELS)
    with torch.no_grad():
        ranks = _order_of_the_default()
        state = [-1, -1, -1]
        for place in ranks:
            expected -= _guesses(LENGTH)[tuple(state)][place].exp().float()
            state[place] = (0, 3, 1)[place]
            expected[state[place]] += 1
    assert torch.allclose(gradient, expected, atol=1e-5)


def _order_of_the_default() -> tuple[int, ...]:
    """Find the order that log_prob draws without an rng, from its figure."""
    score = float(_model().log_prob([(0, 3, 1)]).detach())
    orders = list(itertools.permutations(range(LENGTH)))
    return min(orders, key=lambda order: abs(_in_order((0, 3, 1), order) - score))


def test_filling_in_gives_the_librarys_logits_to_the_bit(saved: Saved) -> None:
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    folder = saved("bert")
    library = AutoModelForMaskedLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model: Any = zoo.load(str(folder))
    texts = ["the [MASK] dog sat", "a [MASK] sat on the [MASK]"]
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    logits = library(**inputs).logits[inputs["input_ids"] == tokenizer.mask_token_id]
    assert torch.equal(model.fill_log_prob(texts), logits.log_softmax(-1))
    single = library(**tokenizer(texts[0], return_tensors="pt")).logits[0, 2]
    assert torch.equal(model.fill_log_prob(texts[0])[0], single.log_softmax(-1))


def test_texts_are_filled_in(saved: Saved) -> None:
    model: Any = zoo.load(str(saved("bert")))
    made = model.sample(3, observed=zoo.Observed("the [MASK] sat on the [MASK]"), rng=zoo.rng(0))
    for text in model.space.texts(made):
        assert text.startswith("the ")
        assert "sat on the" in text
    assert model.log_prob("the dog sat").shape == (1,)


def test_it_learns_texts_and_the_library_reads_what_it_learnt(saved: Saved, tmp_path: Path) -> None:
    from transformers import pipeline

    model: Any = zoo.load(str(saved("bert")))
    texts = ["the dog sat", "the cat sat on the mat"]
    before = model.log_prob(texts, samples=8).detach()
    model.fit(texts * 8, steps=40, batch_size=16, rng=zoo.rng(0))
    after = model.eval().log_prob(texts, samples=8).detach()
    assert bool((after > before + 2).all())
    zoo.save(model, tmp_path / "learnt", format="transformers")
    folder = str(tmp_path / "learnt")
    told: Any = pipeline("fill-mask", model=folder, tokenizer=folder)("the [MASK] sat")
    mine = model.fill_log_prob("the [MASK] sat")[0].exp().topk(5)
    assert [one["token"] for one in told] == mine.indices.tolist()
    assert [one["score"] for one in told] == pytest.approx(mine.values.tolist(), rel=1e-6)


def test_what_it_cannot_do_is_said() -> None:
    model = _model()
    with pytest.raises(DataError, match="How many tokens"):
        model.sample(1)
    with pytest.raises(DataError, match="at most 6"):
        model.sample(1, lengths=7)
    with pytest.raises(DataError, match="whole length"):
        model.sample(1, observed=zoo.Observed([torch.tensor([1, 2])]), lengths=1)
    with pytest.raises(DataError, match="entry to fill in"):
        model.fill_log_prob([(1, 2)])
    with pytest.raises(DataError, match="between 0 and 4"):
        model.log_prob([(1, -1)])
    with pytest.raises(ConfigError, match="token for what is hidden"):
        MaskedLM.around(_network())


def test_other_networks_are_refused() -> None:
    from transformers import BertModel

    network = BertModel(_network().config)
    with pytest.raises(ConfigError, match="ForMaskedLM"):
        MaskedLM.around(network, mask=MASK)
