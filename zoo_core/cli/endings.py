"""How a run of `zoo` ends: one line on stderr, and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import click

from zoo_core.errors import ZooError

DONE, BROKEN, MISTAKE, INTERRUPTED = 0, 1, 2, 130


class Ending(NamedTuple):
    """An exit code, what to say, and the error behind it."""

    code: int
    line: str | None = None
    error: BaseException | None = None

    def report(self, debug: bool) -> int:
        """Say it on stderr, with the traceback if asked for; give the exit code."""
        if debug and self.error is not None:
            import traceback

            click.echo("".join(traceback.format_exception(self.error)), err=True, nl=False)
        if self.line is not None:
            click.echo(f"zoo: {self.line}", err=True)
        return self.code


def ending_of(error: Exception) -> Ending:
    """Tell the user's mistakes (2) from interrupts (130), closed pipes and bugs (1)."""
    if isinstance(error, click.Abort):
        return Ending(INTERRUPTED, "interrupted.", error)
    if isinstance(error, click.UsageError):
        return Ending(MISTAKE, _usage(error), error)
    if isinstance(error, click.ClickException):
        return Ending(MISTAKE, one_line(error.format_message()), error)
    if isinstance(error, ZooError):
        return Ending(MISTAKE, one_line(str(error)), error)
    if _is_closed_pipe(error):
        _silence_stdout()
        return Ending(BROKEN)
    text = one_line(f"{type(error).__name__}: {error}")
    return Ending(BROKEN, f"unexpected {text} (--debug shows the traceback)", error)


def one_line(text: str) -> str:
    """Join lines, so that one error is one line."""
    return " ".join(text.split())


def note(text: str) -> None:
    """Say something beside the output, on stderr."""
    click.echo(f"zoo: {one_line(text)}", err=True)


@contextmanager
def one_line_warnings() -> Iterator[None]:
    """Show warnings as lines of `zoo`, without file, line and source."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: note(f"warning: {message}")
        yield


def _usage(error: click.UsageError) -> str:
    text = one_line(error.format_message())
    path = error.ctx.command_path if error.ctx is not None else "zoo"
    end = "" if text.endswith((".", "?", "!")) else "."
    return f"{text[:1].lower()}{text[1:]}{end} See `{path} --help`."


def _is_closed_pipe(error: Exception) -> bool:
    """Recognise what Windows says of a closed pipe; what others say, click has caught."""
    closed = isinstance(error, OSError) and error.errno == errno.EINVAL
    return closed and sys.platform == "win32" and error.filename is None


def _silence_stdout() -> None:
    """Let the interpreter's last flush find an open file."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
