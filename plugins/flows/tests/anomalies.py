"""Train a recipe's MAF on inliers; write how well it and a Gaussian find the anomalies.

    python plugins/flows/tests/anomalies.py maf-wine

Writes JSON: for each, the area under the ROC curve (how often an anomaly is the less likely of two
rows) and the mean log-density of held-out inliers.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.resources import files

import torch
import yaml
from sklearn.metrics import roc_auc_score
from torch import Tensor

import zoo_core as zoo
import zoo_plugin_data


def main(name: str) -> None:
    """Train, and write both figures of both models."""
    torch.set_num_threads(1)
    path = files("zoo_plugin_flows") / "recipes" / f"{name}.yaml"
    recipe = yaml.safe_load(path.read_text("utf-8"))
    rows = {
        split: zoo_plugin_data.load(recipe["data"]["name"], split=split)
        for split in ("train", "valid", "test", "all")
    }
    train, valid, test = (rows[split].x for split in ("train", "valid", "test"))
    anomalies = rows["all"].x[rows["all"].labels == 1]

    model = zoo.create(recipe["architecture"], space=rows["train"].space, **recipe["config"])
    model.fit(train, valid=valid, rng=zoo.rng(recipe["seed"]), progress="none", **recipe["fit"])
    model.eval()
    seen = torch.cat((train, valid)).double()
    gaussian = torch.distributions.MultivariateNormal(seen.mean(0), seen.T.cov())
    with torch.no_grad():
        figures = {
            "flow": measure(model.log_prob, test, anomalies),
            "gaussian": measure(gaussian.log_prob, test.double(), anomalies.double()),
        }
    sys.stdout.write(json.dumps(figures) + "\n")


def measure(
    log_prob: Callable[[Tensor], Tensor], inliers: Tensor, anomalies: Tensor
) -> dict[str, float]:
    """Give the area under the curve, and the mean over inliers."""
    inside, outside = log_prob(inliers), log_prob(anomalies)
    labels = [0] * len(inside) + [1] * len(outside)
    area = roc_auc_score(labels, -torch.cat((inside, outside)))
    return {"auc": float(area), "log_density": float(inside.mean())}


if __name__ == "__main__":
    main(sys.argv[1])
