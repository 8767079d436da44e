"""zoo train"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import click

from zoo_core.cli.command import ZooCommand
from zoo_core.cli.endings import INTERRUPTED, MISTAKE, note
from zoo_core.cli.references import NAME, REFERENCE
from zoo_core.cli.values import device_option
from zoo_core.errors import ZooError
from zoo_core.interfaces.documents import Documents

if TYPE_CHECKING:
    from zoo_core.interfaces.fitting import FitReport
    from zoo_plugin_training.run import Run
    from zoo_plugin_training.run_folder import RunFolder
    from zoo_plugin_training.run_request import Asked

_TRACKERS = ("tensorboard", "trackio")


@click.command(
    "train",
    cls=ZooCommand,
    examples=[
        "zoo train flows/nsf --data digits --out runs/digits",
        "zoo train flows/nsf --data flowers.csv --condition species --out runs/flowers",
        "zoo train flows/realnvp --data photos/ --out runs/photos --set transforms=8",
        "zoo train --resume --out runs/photos",
        "zoo train --init flows/nsf-digits --data mine.npy --out runs/mine --steps 500",
        "zoo train --init hf://openai-community/gpt2 --data book.txt --out runs/book "
        "--batch-size 8 --learning-rate 5e-5",
        "torchrun --nproc-per-node 2 -m zoo_core.cli train flows/nsf --data digits --out runs/two",
    ],
)
@click.argument("architecture", type=NAME, required=False)
@click.option("--data", metavar="REF", help="A data set's name, a file, a folder, hf://datasets/….")
@click.option("--condition", multiple=True, metavar="COLUMN", help="What the model is told.")
@click.option("--columns", metavar="A,B,…", help="The columns to model (all the others).")
@click.option("--weight", metavar="COLUMN", help="How much each row counts.")
@click.option("--space", metavar="KIND:SHAPE", help="What rows are: ordinal:17:8x8, mixed …")
@click.option(
    "--length",
    metavar="N",
    type=click.IntRange(1),
    help="Characters of a text window (64); tokens, where the model has a tokenizer (128).",
)
@click.option(
    "--documents",
    type=click.Choice([one.value for one in Documents]),
    help="What one text of a file is, for a model with a tokenizer (file).",
)
@click.option("--draws", metavar="N", type=click.IntRange(1), help="Fresh rows of a toy density.")
@click.option("--all-rows", is_flag=True, help="Train on every row, none held out or kept.")
@click.option("--valid-share", metavar="SHARE", type=click.FloatRange(0, 1), help="Held out (.1).")
@click.option("--test-share", metavar="SHARE", type=click.FloatRange(0, 1), help="Unseen (.1).")
@click.option("--valid-data", metavar="REF", help="Other rows to hold out.")
@click.option("--out", "-o", required=True, metavar="FOLDER", help="The folder of the run.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="A field of the configuration; dots for what is nested; repeatable.",
)
@click.option("--steps", metavar="N", type=click.IntRange(1), help="How long (1000).")
@click.option("--epochs", metavar="N", type=float, help="How long, in passes over the data.")
@click.option("--batch-size", metavar="N", type=click.IntRange(1), help="Rows a step (256).")
@click.option("--learning-rate", metavar="RATE", type=float, help="The largest one (0.001).")
@click.option("--ema", metavar="DECAY", type=float, help="Average the weights, such as by 0.999.")
@click.option("--seed", metavar="N", type=click.IntRange(0), help="Of weights and order (0).")
@click.option(
    "--fit",
    "fit_options",
    multiple=True,
    metavar="OPTION=VALUE",
    help="Any other option of `fit`, such as clip_norm=1; repeatable.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@click.option("--init", metavar="NAME", type=REFERENCE, help="Go on from a trained model.")
@click.option("--recipe", metavar="FILE", help="Begin with what this recipe says.")
@click.option("--track", type=click.Choice(_TRACKERS), help="Also write figures there.")
@device_option
@click.pass_context
def command(ctx: click.Context, **given: Any) -> None:
    """Train a model on your data.

    FOLDER then holds recipe.yaml (all that was asked), metrics.jsonl, checkpoints/,
    samples/STEP.png, and at the end model/, which `zoo.load("FOLDER/model")` loads and `zoo push
    FOLDER/model owner/repo` publishes. A run that was interrupted goes on by --resume, and ends
    with the very weights that it would have had.

    Values of --set and --fit are JSON, or else text. `zoo info ARCHITECTURE` shows what it is.
    """
    from zoo_plugin_training.run_observers import is_first_process
    from zoo_plugin_training.run_request import Asked

    asked = Asked(**given)
    if not is_first_process():
        warnings.simplefilter("ignore")
    try:
        run, folder = _prepared(asked)
    except (ZooError, click.ClickException):
        if is_first_process():
            raise
        ctx.exit(MISTAKE)  # The first process has said it.
    try:
        report = _fitted(run, folder, asked)
    except ZooError:
        if is_first_process() and not asked.resume:
            folder.abandon()
        raise
    except KeyboardInterrupt:
        if is_first_process():
            note(f"interrupted. Go on by: {_launcher(run)} train --resume --out {asked.out}")
        ctx.exit(INTERRUPTED)
    if is_first_process():
        click.echo(str(folder.save_model(run.model, run.recipe)))
        note(_summary(run, report))


def _prepared(asked: Asked) -> tuple[Run, RunFolder]:
    """Check everything, open the data, build the model, and write the recipe into the folder."""
    from pathlib import Path

    from zoo_plugin_training.run import prepare
    from zoo_plugin_training.run_folder import RunFolder
    from zoo_plugin_training.run_observers import is_first_process
    from zoo_plugin_training.run_request import check_agreement, resolved
    from zoo_plugin_training.trackers import Tracker

    if asked.track is not None:
        Tracker(asked.track).require()
    folder = RunFolder(Path(asked.out))
    if asked.resume and (folder.begun or asked.architecture is None):
        return prepare(check_agreement(asked, folder.recipe()), asked.device), folder
    if is_first_process():
        folder.refuse_full()
    run = prepare(resolved(asked), asked.device)
    if is_first_process():
        folder.begin(run.recipe)
    return run, folder


def _fitted(run: Run, folder: RunFolder, asked: Asked) -> FitReport:
    from zoo_plugin_training.run import threads
    from zoo_plugin_training.run_observers import is_first_process

    with threads(run.recipe.threads):
        if run.looped:
            out = str(folder.path)
            return run.fit(out=out, resume=asked.resume, track=asked.track)
        report = run.fit()
    if is_first_process():
        folder.write_history(report.history)
        run.show(report, out=str(folder.path), track=asked.track)
    return report


def _launcher(run: Run) -> str:
    """Say how the run's processes are started."""
    count = run.recipe.processes
    return "zoo" if count == 1 else f"torchrun --nproc-per-node {count} -m zoo_core.cli"


def _summary(run: Run, report: FitReport) -> str:
    """Say what was reached, and what may be done with it."""
    from zoo_plugin_training.progress import Unit, unit_of

    # A model that fits itself reports nats a row, whatever its data are.
    unit, best = unit_of(run.model) if run.looped else Unit("nats"), report.best or {}
    figure, what = best.get("valid"), "held-out"
    if figure is None:
        figure, what = best.get("loss"), "loss"
    reached = "" if figure is None else f"; {what} {unit.text(figure)} {unit.name}".rstrip()
    at = f" at step {best['step']:.0f}" if "step" in best else ""
    steps = f"{report.steps} steps in {report.seconds:.0f} s ({report.stopped})"
    starts = f", the best of {report.restarts} starts" if report.restarts > 1 else ""
    return f"{run.model.architecture}: {steps}{starts}{reached}{at}."
