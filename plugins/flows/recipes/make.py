"""Make pretrained models from their recipes: train, measure, save, and write the registry entry.

    python plugins/flows/recipes/make.py nsf-moons nsf-digits …

Needs zoo-plugin-data and zoo-plugin-training. Nothing of an entry is typed by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
import yaml
from measure import measure

import zoo_core as zoo
import zoo_plugin_data
from zoo_core.checkpoints.saving import Wrapping, file_hash, save_folder
from zoo_core.plugins import versions
from zoo_core.publishing import Card
from zoo_core.registry.emission import emit
from zoo_core.interfaces.dataset import Dataset

PACKAGE = Path(__file__).parents[1] / "src" / "zoo_plugin_flows"
DISTRIBUTION = "zoo-plugin-flows"
CITATIONS = {
    "flows/nsf": """\
@inproceedings{durkan2019neural,
  title = {Neural Spline Flows},
  author = {Durkan, Conor and Bekasov, Artur and Murray, Iain and Papamakarios, George},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2019}
}""",
    "flows/realnvp": """\
@inproceedings{dinh2017density,
  title = {Density Estimation Using {Real} {NVP}},
  author = {Dinh, Laurent and Sohl-Dickstein, Jascha and Bengio, Samy},
  booktitle = {International Conference on Learning Representations},
  year = {2017}
}""",
}


def make(name: str) -> None:
    """Make one model, and put its entry into the plugin's registry file."""
    recipe = yaml.safe_load((PACKAGE / "recipes" / f"{name}.yaml").read_text(encoding="utf-8"))
    model, test = train(recipe)
    card = Card(
        title=f"flows/{name}",
        summary=recipe["summary"],
        licenses={"weights": "Apache-2.0", "code": "Apache-2.0", "data": test.license},
        dataset=test.name,
        metrics=measure(model, test, recipe["metric"]),
        tags=recipe["tags"],
        citation=CITATIONS[recipe["architecture"]],
    )
    folder = PACKAGE / "models" / name
    (folder / "README.md").unlink(missing_ok=True)
    plugins = versions([model.architecture])
    save_folder(model, folder, Wrapping(card, f"flows/{name}", plugins))
    register(name, entry(model, folder, card, recipe))
    for metric in card.metrics:
        sys.stdout.write(f"flows/{name}: {metric}\n")


def train(recipe: dict[str, Any]) -> tuple[Any, Dataset]:
    """Build and fit the model; give it with the test split."""
    data = recipe["data"]
    splits = {s: zoo_plugin_data.load(data["name"], split=s) for s in ("train", "valid", "test")}
    train, valid = splits["train"], splits["valid"]
    model = zoo.create(
        recipe["architecture"], seed=recipe["seed"], space=train.space, **recipe["config"]
    )
    x, told, held_out = train.x, None, valid.x
    if model.is_conditional:
        told, held_out = train.labels, (valid.x, valid.labels)
    if "draws" in data:  # fresh rows from the exact model, other ones than the splits'
        exact = zoo.create(f"data/{data['name']}")
        x = exact.sample(data["draws"], rng=zoo.rng(recipe["seed"] + 1))
    model.fit(x, condition=told, valid=held_out, rng=zoo.rng(recipe["seed"]), **recipe["fit"])
    return model, splits["test"]


def entry(model: Any, folder: Path, card: Card, recipe: dict[str, Any]) -> dict[str, Any]:
    """Describe the saved model as the registry does."""
    return {
        "architecture": model.architecture,
        "summary": card.summary,
        "requires": f"{DISTRIBUTION}>={versions([model.architecture])[DISTRIBUTION]}",
        "provides": ["Generator", "DensityModel"],
        "sources": {"bundled": f"models/{folder.name}"},
        "files": {
            path.name: {"size": path.stat().st_size, "sha256": file_hash(path)}
            for path in sorted(folder.iterdir())
        },
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "dtype": "float32",
        "licenses": dict(card.licenses),
        "citation": card.citation + "\n",
        "dataset": card.dataset,
        "metrics": [metric.fields() for metric in card.metrics],
        "recipe": f"recipes/{folder.name}.yaml",
        "tags": recipe["tags"],
        "status": "stable",
    }


def register(name: str, fields: dict[str, Any]) -> None:
    """Put an entry into registry.yaml, in place of the one of that name."""
    path = PACKAGE / "registry.yaml"
    file = yaml.safe_load(path.read_text(encoding="utf-8"))
    models = {**file.get("models", {}), f"flows/{name}": fields}
    file["models"] = dict(sorted(models.items()))
    path.write_text(emit(file), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for wanted in sys.argv[1:]:
        make(wanted)
