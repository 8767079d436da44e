"""The command line, `zoo`.

Nothing is imported before it is needed: a command's module when the command runs, torch when a
model is loaded, a plugin when one of its own commands is called.
"""

from __future__ import annotations


def main() -> None:
    """Run `zoo` with the process's arguments, and exit."""
    import gc

    # Importing modules and listing models make thousands of objects, none of them garbage.
    gc.set_threshold(50_000)
    from zoo_core.cli.root import zoo

    try:
        zoo()
    finally:
        gc.freeze()  # Else the interpreter looks at all of them again when it ends, for 20 ms.
