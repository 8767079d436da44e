"""What the page for those who come from pomegranate shows runs, and both sides agree."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/coming-from-pomegranate.md"
FENCE = r"^(pomegranate:\n\n)?```(\w+)\n(.*?)^```"

OURS = """
assert our_scores.isfinite().all() and abs(our_scores.sum() + 180.1891) < 1e-3
assert (our_classes.argmax(1) == y).double().mean() > 0.95
assert (our_full.argmax(1) == y).double().mean() > 0.95
assert (our_guess.argmax(1) == y).double().mean() > 0.85
assert not filled.isnan().any() and torch.equal(filled[~holes.isnan()], x[~holes.isnan()])
assert (our_pieces - our_classes).abs().max() < 1e-10
assert chain.log_prob(data).sum() > our_log_p.sum()
"""

BOTH = """
import math

def close(a, b, within):
    assert a.dtype == b.dtype == torch.float64 and a.shape == b.shape, (a.dtype, b.dtype)
    assert (a - b).abs().max() < within, float((a - b).abs().max())

# After one step to the last digits; then pomegranate's float32 sums of weights tell.
for part, mean, covariance in zip(streamed.distributions, means, covariances, strict=True):
    close(part.means, mean, 1e-11)
    close(part.covs, covariance, 1e-11)
close(streamed.priors, weights, 1e-7)
close(their_scores, our_scores, 1e-6)
close(their_shares, our_shares, 1e-6)
close(their_classes, our_classes, 1e-10)
close(their_full, our_full, 1e-10)
close(their_patchy, our_patchy, 1e-6)
close(their_guess, our_guess, 1e-10)

close(their_log_p, our_log_p, 1e-7)
close(their_states, our_states, 1e-9)
assert torch.equal(their_path, our_path)
rows_of_edges = hmm.edges.exp().sum(1, keepdim=True)
assert (rows_of_edges < 1 - 1e-3).any() and ((rows_of_edges[:, 0] + hmm.ends.exp() - 1).abs() < 1e-9).all()
close(hmm.starts.exp(), chain.initial, 1e-9)
for part, mean, covariance in zip(hmm.distributions, chain.means, chain.covariances, strict=True):
    close(part.means, mean, 1e-9)
    close(part.covs, covariance, 1e-9)
close(hmm.edges.exp() / rows_of_edges, chain.transition, 1e-9)
states = [Normal(mean.clone(), covariance.clone()) for mean, covariance in emitted]
unended = DenseHMM(states, edges=moves, starts=starts).double()
close(torch.cat([unended.log_probability(p) for p in sequences]) + math.log(3), our_log_p, 1e-7)

# One-hot priors of steps are known states.
states = [Normal(mean.clone(), covariance.clone()) for mean, covariance in emitted]
taught = DenseHMM(states, edges=moves, starts=starts, ends=torch.ones(3).double()).double()
known = torch.full((600,), -1)
known[:30] = torch.arange(30) % 3
hints = torch.full((600, 3), 1 / 3, dtype=torch.float64)
hints[:30] = torch.eye(3).double()[known[:30]]
for part, hint in zip(sequences, hints.split(lengths), strict=True):
    taught.summarize(part, priors=hint[None])
taught.from_summaries()
chain.fit(data, iterations=3, rng=zoo.rng(0))
chain.fit(data, states=zoo.Ragged(known, lengths), start="present", iterations=1, tolerance=0.0)
for part, mean, covariance in zip(taught.distributions, chain.means, chain.covariances, strict=True):
    close(part.means, mean, 1e-9)
    close(part.covs, covariance, 1e-9)

# What the page says of pomegranate.
def refuses(work):
    try:
        work()
    except (AttributeError, TypeError, ValueError):
        return True
    return False

assert refuses(lambda: Normal().double().fit(masked))
single = BayesClassifier([Normal(covariance_type="diag") for _ in range(3)]).fit(x, y)
assert single.predict_proba(x).dtype is torch.float32
given = firsts[0].clone()
Normal(given, torch.eye(4).double()).fit(x)
assert (given - x.mean(0)).abs().max() < 1e-4
wide = Normal(torch.zeros(1), torch.full((1,), 9.0), covariance_type="diag").sample(20_000)
assert abs(float(wide.std()) - 9) < 0.3
flat = x.clone()
flat[:, 0] = 5.0
least = Normal(covariance_type="diag", min_cov=0.1).double().fit(flat)
assert least.covs[0] == 0 and least.log_probability(flat).isnan().all()
level = zoo.create("classical/gmm", space=zoo.Space.real(4), n_components=3, covariance="diagonal")
level.double().fit(flat, rng=zoo.rng(0))
assert level.log_prob(flat).isfinite().all()
far = torch.randn(1000, 2, generator=zoo.rng(0)) + 1e4
assert refuses(lambda: Normal(covariance_type="diag").fit(far))
near = zoo.create("classical/gaussian", space=zoo.Space.real(2), covariance="diagonal")
near.fit(far)
assert abs(float(near.log_prob(far).mean()) + 1 + math.log(2 * math.pi)) < 0.1
assert float(begun().summarize(x)) == float(begun().summarize(x, sample_weight=torch.full((150,), 2.0)))
"""


def run(tmp_path: Path, *program: str) -> None:
    script = tmp_path / "page.py"
    script.write_text("\n".join(program), "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script)],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def blocks() -> list[tuple[bool, str]]:
    """Give the page's blocks, and of each whether it is pomegranate's."""
    found = re.findall(FENCE, PAGE.read_text("utf-8"), re.M | re.S)
    assert {language for _, language, _ in found} == {"python"}
    return [(bool(theirs), text) for theirs, _, text in found]


def test_our_side_runs_alone(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    run(tmp_path, *(text for theirs, text in blocks() if not theirs), OURS)


def test_both_sides_run_and_agree(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("pomegranate", reason="pomegranate is in the dependency group `bench`")
    assert sum(theirs for theirs, _ in blocks()) == 5
    run(tmp_path, *(text for _, text in blocks()), BOTH)


def test_named_architectures_exist() -> None:
    import yaml

    plugin = ROOT / "plugins/classical/src/zoo_plugin_classical/registry.yaml"
    known = yaml.safe_load(plugin.read_text("utf-8"))["architectures"]
    named = set(re.findall(r"[`\"](classical/[a-z-]+)[`\"]", PAGE.read_text("utf-8")))
    assert len(named) == 15
    assert named <= set(known)
