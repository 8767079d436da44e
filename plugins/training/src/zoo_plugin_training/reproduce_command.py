"""zoo reproduce"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import click

from zoo_core.cli.command import ZooCommand, json_option
from zoo_core.cli.endings import BROKEN, note
from zoo_core.cli.references import REFERENCE
from zoo_core.cli.tables import show_json, show_table
from zoo_core.cli.values import device_option
from zoo_core.errors import ZooError

if TYPE_CHECKING:
    from zoo_plugin_training.recipe import Recipe
    from zoo_plugin_training.reproduce_outcome import Outcome
    from zoo_plugin_training.reproduce_targets import Target

_HEADINGS = ("recipe", "figure", "was", "is", "may differ by", "outcome")


@click.command(
    "reproduce",
    cls=ZooCommand,
    examples=[
        "zoo reproduce flows/nsf-moons",
        "zoo reproduce 'flows/*' --max-minutes 3",
        "zoo reproduce ./runs/a/model --out runs/again",
        "zoo reproduce hf://owner/repo",
        "zoo reproduce recipes/mine.yaml --update",
    ],
)
@click.argument("names", nargs=-1, required=True, type=REFERENCE, metavar="NAME|PATTERN|FILE…")
@click.option("--max-minutes", metavar="M", type=float, help="Leave out what takes longer.")
@click.option("--out", metavar="FOLDER", help="Keep the runs there, each in a folder of its own.")
@click.option("--data", metavar="REF", help="Where the recipe's data are here.")
@click.option("--update", is_flag=True, help="Write the figures and the time into the recipe.")
@click.option("--bundle", metavar="PACKAGE", help="Put the models into a plugin's package.")
@device_option
@json_option
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Train models again from their recipes and compare what they reach.

    A recipe is a model's (its name, a folder, hf://owner/repo), one of a PATTERN's, or a file.
    The data's hash is compared before training, then each figure with the recipe's, within the
    tolerance that the recipe states. Exits with 1 where one did not come back.

    For maintainers: --bundle saves the model as PACKAGE/models/NAME, writes its entry into
    PACKAGE/registry.yaml, and its figures into the recipe.
    """
    from zoo_plugin_training.reproduce_targets import targets

    plan = _Plan(**given)
    outcomes = [_outcome(target, plan) for target in targets(names)]
    if as_json:
        show_json([outcome.fields() for outcome in outcomes])
    else:
        show_table(_HEADINGS, [row for outcome in outcomes for row in outcome.rows()])
    ctx.exit(BROKEN if any(outcome.bad for outcome in outcomes) else 0)


@final
@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What is to be done with each recipe."""

    max_minutes: float | None
    out: str | None
    data: str | None
    update: bool
    bundle: str | None
    device: str | None

    def recipe(self, target: Target) -> Recipe:
        """Read a recipe, with the data at the place that they have here."""
        from zoo_plugin_training.recipe_file import read_recipe

        recipe = read_recipe(target.path)
        if self.data is None:
            return recipe
        return recipe.replaced(data={**recipe.data.to_json(), "name": self.data})

    def folder(self, target: Target) -> Path | None:
        """Give the run folder of a recipe, if it is to be kept."""
        if self.out is None:
            return None
        return Path(self.out) / target.name.strip("./").replace("/", "-")


def _outcome(target: Target, plan: _Plan) -> Outcome:
    """Do one recipe; what goes wrong with it stops no other."""
    from zoo_plugin_training.reproduce_outcome import Outcome, Verdict

    try:
        recipe = plan.recipe(target)
        if plan.max_minutes is not None and (recipe.minutes or 0) > plan.max_minutes:
            message = f"it takes {recipe.minutes:g} minutes"
            found = Outcome(target.name, Verdict.SKIPPED, message)
        else:
            about = "" if recipe.minutes is None else f", about {recipe.minutes:g} minutes"
            note(f"{target.name}: training {recipe.architecture} on {recipe.data.name}{about}.")
            if recipe.processes > 1:
                note(f"it was made by {recipe.processes} processes; one gives other weights.")
            found = _made(target, recipe, plan)
    except ZooError as error:
        found = Outcome(target.name, Verdict.ERROR, " ".join(str(error).split()))
    note(f"{found.name}: {found.verdict}{f'; {found.message}' if found.message else ''}")
    return found


def _made(target: Target, recipe: Recipe, plan: _Plan) -> Outcome:
    from zoo_plugin_training.bundle import Package, updated
    from zoo_plugin_training.recipe_file import write_text
    from zoo_plugin_training.reproduce import made_again, reproduction
    from zoo_plugin_training.reproduce_comparison import expected_of
    from zoo_plugin_training.reproduce_outcome import Outcome, Verdict, outcome_of

    package = None if plan.bundle is None else Package(Path(plan.bundle))
    progress = "auto" if sys.stderr.isatty() else "none"
    with made_again(recipe, plan.folder(target), device=plan.device, progress=progress) as made:
        if package is not None:
            name = package.add(target.path, recipe, made)
            return Outcome(name, Verdict.WRITTEN, f"bundled, {made.minutes:.1f} minutes")
        if plan.update:
            expected = [expected_of(metric) for metric in made.metrics]
            text = target.path.read_text(encoding="utf-8")
            write_text(target.path, updated(text, made, expected))
            return Outcome(target.name, Verdict.WRITTEN, f"{made.minutes:.1f} minutes")
        return outcome_of(reproduction(target, recipe, made))
