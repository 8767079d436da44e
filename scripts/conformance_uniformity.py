"""How p-values of the conformance kit's statistical checks are spread on right models.

    python scripts/conformance_uniformity.py                    500 seeds; goes on where it stopped
    python scripts/conformance_uniformity.py --seeds 50         fewer
    python scripts/conformance_uniformity.py --table docs/conformance-uniformity.md

A line of the record is a block of seeds of one check on one model, so that a run that was
interrupted loses a block. A check that isn't in the record yet is run, one that no longer exists is
left out of the table. On right models p-values are uniform, or larger where a statistic has few
values or is only a bound. Needs scipy.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import torch
from scipy.stats import kstest

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import zoo_core as zoo
from conformance.mutants_exact_density import (
    SoundBlobs,
    SoundLevels,
    SoundLogistic,
    SoundShare,
    SoundWrapped,
)
from models.bound import LinearVAE
from models.gaussian import Gaussian
from zoo_core.conformance.catalogue import model_checks
from zoo_core.conformance.check import Check
from zoo_core.conformance.evidence import FALSE_ALARM
from zoo_core.conformance.result import Status
from zoo_core.conformance.running import run_check
from zoo_core.conformance.subject import Subject

TESTS = Path(__file__).parents[1] / "tests"
RECORD = Path(__file__).with_name("conformance_uniformity.jsonl")
BLOCK, SEEDS = 25, 500
LABEL = zoo.Part("core/label", {"classes": 3})

MODELS: dict[str, Callable[[], zoo.Model]] = {
    "Gaussian, 2 entries": lambda: Gaussian.create(seed=1, space=zoo.Space.real(2)),
    "Gaussian, told a label": lambda: Gaussian.create(
        seed=1, space=zoo.Space.real(2), conditioner=LABEL
    ),
    "two modes, 2 entries": lambda: SoundBlobs.create(seed=1),
    "two modes, 6 entries": lambda: SoundBlobs.create(seed=1, size=6),
    "logistic": lambda: SoundLogistic.create(),
    "wrapped normal": lambda: SoundWrapped.create(),
    "logistic-normal, 2 entries": lambda: SoundShare.create(),
    "codes, 3 entries": lambda: SoundLevels.create(seed=1),
    "codes, 12 entries": lambda: SoundLevels.create(seed=1, size=12),
    "linear VAE": lambda: LinearVAE.create(seed=1, space=zoo.Space.real(3)),
}
# Where a check has been held against many models, the rest tell nothing more about it.
ENOUGH, TWINS = 3, 2
THOROUGH = {"the-density-integrates-to-one", "samples-follow-the-density"}

HEAD = """\
# How often the kit errs

Each statistical check of [the conformance kit](conformance.md), held against models that are
right, over 500 seeds: under the promise its p-values are uniform between 0 and 1, or larger. Made
by `python scripts/conformance_uniformity.py --table docs/conformance-uniformity.md`.

*Too small, p* is the smallest p-value of Kolmogorov and Smirnov's one-sided test that the p-values
are stochastically smaller than uniform ones, times the number of statistics; among this many lines
one near .02 is to be expected. The two fractions are over all statistics of the line, and should be
.01 and .0001. *Larger* names statistics whose p-values are larger than uniform ones: bounds, and
those that have few values. A check whose statistic is 1 on every right model has nothing below .01.
"""

Key = tuple[str, str]


def main() -> None:
    """Run what the record lacks; print the table."""
    arguments = parsed()
    held = recorded(arguments.record)
    with arguments.record.open("a", encoding="utf-8") as record:
        for model, check, first in missing(held, arguments.seeds):
            begun = time.process_time()
            values = block(model, check, first)
            line = {"model": model, "check": check.name, "first": first, "p": values}
            record.write(json.dumps(line, ensure_ascii=False) + "\n")
            record.flush()
            held[model, check.name][first] = values
            spent = time.process_time() - begun
            print(f"{check.name} of {model}: seeds {first}+{BLOCK}, {spent:.1f} s", flush=True)
    page = table(held, arguments.seeds)
    print(page)
    if arguments.table:
        arguments.table.write_text(f"{HEAD}\n{page}", encoding="utf-8", newline="\n")


def parsed() -> argparse.Namespace:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--record", type=Path, default=RECORD)
    parser.add_argument("--table", type=Path)
    return parser.parse_args()


Held = defaultdict[Key, dict[int, dict[str, list[float]]]]


def recorded(path: Path) -> Held:
    """Read what was run before: of each model and check, p-values by the block's first seed."""
    held: Held = defaultdict(dict)
    if path.exists():
        for text in path.read_text("utf-8").splitlines():
            line = json.loads(text)
            held[line["model"], line["check"]][line["first"]] = line["p"]
    return held


def missing(held: Held, seeds: int) -> Iterator[tuple[str, Check[Subject], int]]:
    """List the blocks to run; all models and checks of a block before the next block."""
    wanted = [(model, check) for check, models in statistical(held) for model in models]
    for first in range(0, seeds, BLOCK):
        for model, check in wanted:
            if first not in held[model, check.name]:
                yield model, check, first


def statistical(held: Held) -> Iterator[tuple[Check[Subject], list[str]]]:
    """Find the checks that give p-values, each with the models that it is held against."""
    for check in model_checks():
        useful = [name for name in MODELS if held[name, check.name] or gives_p(check, name)]
        if not useful:
            named = twins(check.name)
            useful = [name for name in named if held[name, check.name] or gives_p(check, name)]
            useful = useful[:TWINS]
        yield check, useful if check.name in THOROUGH else useful[:ENOUGH]


def gives_p(check: Check[Subject], model: str) -> bool:
    """Say whether a check is statistical, on this model."""
    subject = Subject(made(model), seed=0)
    return check.claimed(subject) and bool(run_check(check, subject, expected=None, api=0).p_values)


@cache
def twins(check: str) -> dict[str, Callable[[], zoo.Model]]:
    """Give the right models beside which the mutants stand that a check must catch, by name."""
    tables = sorted(path.stem for path in (TESTS / "conformance").glob("mutants_*.py"))
    found: dict[str, Callable[[], zoo.Model]] = {}
    for table in tables:
        for mutant in importlib.import_module(f"conformance.{table}").MUTANTS:
            if mutant.caught_by == check:
                found.setdefault(f"{type(mutant.sound()).__name__}, a mutant's twin", mutant.sound)
    return found


def made(model: str) -> zoo.Model:
    """Make a model of this name."""
    if model in MODELS:
        return MODELS[model]()
    return next(
        twins(check.name)[model] for check in model_checks() if model in twins(check.name)
    )()


def block(model: str, check: Check[Subject], first: int) -> dict[str, list[float]]:
    """Run one check with BLOCK seeds; give its p-values by statistic."""
    subject_model, found = made(model), defaultdict(list)
    for seed in range(first, first + BLOCK):
        result = run_check(check, Subject(subject_model, seed=seed), expected=None, api=0)
        if result.status is Status.FAILED:
            print(f"seed {seed} of {model}: {result}", flush=True)
        for name, p in result.p_values.items():
            found[name].append(float(f"{p:.4g}"))
    return dict(found)


def table(held: Held, seeds: int) -> str:
    """Make the table: a line a check and model, with figures over all of its statistics."""
    lines = [
        "| check | model | statistics | seeds | too small, p | below .01 | below 1e-4 | larger |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    ]
    names = [check.name for check in model_checks()]
    for model, check in sorted((k for k in held if k[1] in names), key=lambda k: names.index(k[1])):
        merged: defaultdict[str, list[float]] = defaultdict(list)
        for first, values in held[model, check].items():
            for statistic, ps in values.items() if first < seeds else ():
                merged[statistic] += ps
        if merged:
            lines.append(f"| {check} | {model} | {figures(merged)} |")
    runs = list(outcomes(held, seeds))
    failed = sum(smallest < FALSE_ALARM for smallest in runs)
    told = f"Of these {len(runs):,} runs {failed} failed a right model; one in 10,000 may.\n"
    return "\n".join(lines) + f"\n\n{told}"


def outcomes(held: Held, seeds: int) -> Iterator[float]:
    """Give, of each run of a check, the smallest p-value times the number of statistics."""
    names = {check.name for check in model_checks()}
    for (_, check), blocks in held.items():
        for first, values in blocks.items() if check in names else ():
            if first < seeds and values:
                for ps in zip(*values.values(), strict=False):
                    yield min(ps) * len(ps)


def figures(merged: dict[str, list[float]]) -> str:
    """Hold the p-values of each statistic against the uniform distribution.

    `too small` is the smallest p of Kolmogorov and Smirnov's one-sided test times the number of
    statistics; then the fractions below two levels over all of them, which ought to be no more;
    `larger` names those whose p-values are larger than uniform ones.
    """
    k = len(merged)
    small = min(kstest(ps, "uniform", alternative="greater").pvalue for ps in merged.values())
    larger = [
        name
        for name, ps in merged.items()
        if kstest(ps, "uniform", alternative="less").pvalue * k < 1e-3
    ]
    every = torch.tensor([p for ps in merged.values() for p in ps], dtype=torch.float64)
    shares = [float((every < level).double().mean()) for level in (1e-2, 1e-4)]
    seeds = max(len(ps) for ps in merged.values())
    named = ", ".join(larger) if len(larger) <= 4 else f"{len(larger)} of them"
    return (
        f"{k} | {seeds} | {min(1.0, k * small):.2g} | {shares[0]:.4f} | {shares[1]:.5f} | {named}"
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
