"""zoo completion"""

from __future__ import annotations

import os

import click

from zoo_core.cli.command import ZooCommand

_HOW = {
    "bash": ("~/.bashrc", 'eval "$(zoo completion bash)"'),
    "zsh": ("~/.zshrc", 'eval "$(zoo completion zsh)"'),
    "fish": ("~/.config/fish/config.fish", "zoo completion fish | source"),
}


@click.command(
    "completion",
    cls=ZooCommand,
    examples=[
        "zoo completion                          # says what to add where",
        'eval "$(zoo completion bash)"           # in ~/.bashrc; zsh likewise in ~/.zshrc',
        "zoo completion fish | source            # in ~/.config/fish/config.fish",
    ],
)
@click.argument("shell", required=False, type=click.Choice(list(_HOW)))
def command(shell: str | None) -> None:
    """Set up completion of commands and names in a shell.

    With SHELL, prints the script that the shell reads; without, what to add to which file.
    """
    if shell is not None:
        click.echo(_script(shell))
        return
    current = os.path.basename(os.environ.get("SHELL", ""))
    for name in [current] if current in _HOW else _HOW:
        file, line = _HOW[name]
        click.echo(f"{name}: add to {file}\n\n    {line}\n")


def _script(shell: str) -> str:
    from click.shell_completion import get_completion_class

    from zoo_core.cli.root import zoo

    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"there is no completion for {shell}")
    return completion(zoo, {}, "zoo", "_ZOO_COMPLETE").source()
