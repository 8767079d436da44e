"""Measure naive Bayes and logistic regression as training sets grow, and write the tables.

    python scripts/learning_curves.py

Every figure of docs/naive-bayes-and-logistic-regression.md is made here. Needs scikit-learn for
two data sets; takes some minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from sklearn.datasets import load_breast_cancer, load_digits
from torch import Tensor

import zoo_core as zoo

PAGE = Path(__file__).parents[1] / "docs/naive-bayes-and-logistic-regression.md"
SIZES = (10, 30, 100, 400)
SETS = 15
"""Training sets of each size."""
CORRELATION, FEATURES = 0.8, 8
COPIES = (1, 2, 5, 10)


class Table(NamedTuple):
    """A data set: its name, rows to learn from, and rows to be tested on."""

    name: str
    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor


def tables() -> Iterator[Table]:
    """Give two data sets, and one whose correlations are known."""
    yield halves("breast cancer, 30 features", *load_breast_cancer(return_X_y=True))
    x, y = load_digits(return_X_y=True)
    pair = (y == 3) | (y == 8)
    # A pixel that is nearly always black has hardly a variance: noise of one grey level.
    noise = torch.rand(x[pair].shape, generator=zoo.rng(1), dtype=torch.float64)
    yield halves("digits 3 and 8, 64 pixels", torch.tensor(x[pair]) + noise, y[pair] == 8)
    x, y = normal_classes(5000, CORRELATION, seed=0)
    yield Table("synthetic, 8 features", x[:1000], y[:1000], x[1000:], y[1000:])


def halves(name: str, x: object, y: object) -> Table:
    """Part a data set at random in a half to learn from and a half for the test."""
    x, y = torch.as_tensor(x, dtype=torch.float64), torch.as_tensor(y).long()
    order, middle = torch.randperm(len(x), generator=zoo.rng(0)), len(x) // 2
    learn, test = order[:middle], order[middle:]
    return Table(name, x[learn], y[learn], x[test], y[test])


def normal_classes(n: int, correlation: float, seed: int) -> tuple[Tensor, Tensor]:
    """Two classes with normal features, of which each two of the first half are correlated."""
    rng, half = zoo.rng(seed), FEATURES // 2
    y = torch.randint(2, (n,), generator=rng)
    own = torch.randn(n, FEATURES, generator=rng, dtype=torch.float64)
    common = torch.randn(n, 1, generator=rng, dtype=torch.float64)
    noise = own.clone()
    noise[:, :half] = correlation**0.5 * common + (1 - correlation) ** 0.5 * own[:, :half]
    return noise + 0.6 * y[:, None], y


def training_set(table: Table, m: int, rng: torch.Generator) -> Tensor:
    """Choose m rows, two of each class at least."""
    first = [(table.y == k).nonzero()[:, 0] for k in (0, 1)]
    sure = torch.cat([own[torch.randperm(len(own), generator=rng)[:2]] for own in first])
    rest = torch.randperm(len(table.y), generator=rng)
    rest = rest[~torch.isin(rest, sure)]
    return torch.cat([sure, rest[: m - 4]])


def models(x: Tensor) -> dict[str, Any]:
    """Make the pair afresh: both linear in the features."""
    common = {
        "space": zoo.Space.real(x.shape[1]),
        "conditioner": zoo.Part("core/label", {"classes": 2}),
    }
    bayes = {**common, "smoothing": "per-feature", "var_smoothing": 0.01}
    return {
        "naive Bayes": zoo.create("classical/gaussian-nb", shared_variance=True, **bayes),
        "logistic regression": zoo.create(
            "classical/logistic-regression",
            penalty=0.1,
            preprocessing=({"step": "standardize"},),
            **common,
        ),
    }


class Score(NamedTuple):
    """Errors of one model on one size: of all, of the main prediction, and the variance."""

    error: float
    bias: float
    variance: float
    loss: float


def score(guesses: Tensor, losses: Tensor, truth: Tensor) -> Score:
    """Part the error as Domingos 2000 does: the main prediction is that of most training sets."""
    main = (guesses.double().mean(0) > 0.5).long()
    wrong = (guesses != truth).double()
    return Score(
        float(wrong.mean()),
        float((main != truth).double().mean()),
        float((guesses != main).double().mean()),
        float(losses.mean()),
    )


def curve(table: Table, m: int) -> dict[str, Score]:
    """Fit both models to training sets of one size, and score them."""
    rng = zoo.rng(m)
    guesses: dict[str, list[Tensor]] = {}
    losses: dict[str, list[Tensor]] = {}
    for _ in range(SETS):
        rows = training_set(table, m, rng)
        for name, model in models(table.x).items():
            options = {"tolerance": 1e-4} if name == "logistic regression" else {}
            model.double().fit(table.x[rows], condition=table.y[rows], **options)
            log_probs = model.log_class_prob(table.test_x).detach()
            guesses.setdefault(name, []).append(log_probs.argmax(1))
            own = log_probs.gather(1, table.test_y[:, None])[:, 0]
            losses.setdefault(name, []).append(-own)
    return {
        name: score(torch.stack(guesses[name]), torch.stack(losses[name]), table.test_y)
        for name in guesses
    }


def curves() -> str:
    """Make a table of each data set."""
    parts = []
    for table in tables():
        lines = [
            f"**{table.name}**",
            "",
            "| rows | error, NB | error, LR | bias, NB | bias, LR | variance, NB | variance, LR "
            "| nats, NB | nats, LR |",
            "|---:" * 9 + "|",
        ]
        for m in (size for size in SIZES if size < len(table.x)):
            pair = list(curve(table, m).values())
            cells = [f"{getattr(one, field):.3f}" for field in Score._fields for one in pair]
            lines.append(f"| {m} | {' | '.join(cells)} |")
            print(table.name, lines[-1], flush=True)
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def copies() -> str:
    """Make the table of a feature that is given several times."""
    x, y = normal_classes(20_000, 0.0, seed=0)
    test_x, test_y = normal_classes(20_000, 0.0, seed=1)
    lines = [
        "| copies | accuracy, NB | confidence, NB | nats, NB "
        "| accuracy, LR | confidence, LR | nats, LR |",
        "|---:" * 7 + "|",
    ]
    for count in COPIES:
        cells = []
        for model in models(x[:, :1].repeat(1, count)).values():
            model.double().fit(x[:, :1].repeat(1, count), condition=y)
            log_probs = model.log_class_prob(test_x[:, :1].repeat(1, count)).detach()
            right = (log_probs.argmax(1) == test_y).double().mean()
            sure = log_probs.exp().amax(1).mean()
            loss = -log_probs.gather(1, test_y[:, None]).mean()
            cells += [f"{float(figure):.3f}" for figure in (right, sure, loss)]
        lines.append(f"| {count} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and put the tables into their places on the page."""
    found = {"curves": curves(), "copies": copies()}
    text = PAGE.read_text("utf-8")
    for name, made in found.items():
        begin = f"<!-- {name}: made by scripts/learning_curves.py -->"
        pattern = re.escape(begin) + r".*?<!-- end -->"
        text = re.sub(pattern, f"{begin}\n\n{made}\n\n<!-- end -->", text, flags=re.S)
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
