"""zoo push"""

from __future__ import annotations

import click

from zoo_core.cli.command import ZooCommand, json_option
from zoo_core.cli.endings import note
from zoo_core.cli.references import REFERENCE
from zoo_core.cli.tables import show_json


@click.command(
    "push",
    cls=ZooCommand,
    examples=[
        "zoo push ./my-model me/my-model --private",
        "zoo push ./my-model me/my-model --tag v1",
        "zoo push ./my-gpt2 me/my-gpt2 --format transformers",
    ],
)
@click.argument("ref", type=REFERENCE, metavar="REF|FOLDER")
@click.argument("repo", metavar="OWNER/REPO")
@click.option("--private", is_flag=True, help="Make the repository private where it is made.")
@click.option("--tag", help="Tag the commit, so that hf://OWNER/REPO@TAG means it.")
@click.option(
    "--format", metavar="FORMAT", help="Another library's, which then loads it without the zoo."
)
@json_option
def command(
    ref: str, repo: str, private: bool, tag: str | None, format: str | None, as_json: bool
) -> None:
    """Upload a model to a Hub, and print its registry entry.

    The model is loaded, saved again and compared before anything is sent; a README.md that you
    have edited goes along. Log in by
    `hf auth login`, or set HF_TOKEN.
    """
    from zoo_core.hub import HubReference
    from zoo_core.publishing import push

    HubReference(repo, tag or "main")  # A mistake here is told before the model is loaded.
    pushed = push(ref, repo, private=private, tag=tag, format=format)
    if as_json:
        fields = {"repo": pushed.repo, "commit": pushed.commit, "tag": pushed.tag}
        show_json({**fields, "pin": pushed.pin, "url": pushed.url, "entry": pushed.entry})
        return
    click.echo(pushed.entry, nl=False)
    note(f"pushed to {pushed.url}; load it by {pushed.pin}. Its registry entry is above.")
