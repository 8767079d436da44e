"""Run a README's first Python block with every socket blocked.

Usage: python readme_example.py README.md. Imports only the standard library itself: it runs in an
environment that has only what the `pip install` of that README brings.
"""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn


def _refuse(*arguments: Any, **options: Any) -> NoReturn:
    raise OSError("No network here: the README's example must run without one.")


def main(readme: str) -> None:
    """Run the block and say so; whatever it raises ends the run."""
    block = re.search(r"^```python\n(.*?)^```", Path(readme).read_text("utf-8"), re.M | re.S)
    if block is None:
        sys.exit(f"{readme} has no Python block.")
    for name in ("connect", "connect_ex", "sendto"):
        setattr(socket.socket, name, _refuse)
    socket.getaddrinfo = _refuse
    exec(compile(block.group(1), f"{readme}, first block", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    main(sys.argv[1])
