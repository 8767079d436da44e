"""Imports torch once, and forks a process for each task that a line of stdin tells.

run {"env": …, "task": …}   answers with the process's number
wait NUMBER                 answers with its exit code, negative for a signal
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
from typing import Any

import workers

_FIRST = (
    "torch._dynamo",
    "torch.distributed.fsdp",
    "torch.distributed.tensor",
    "torch.nn.parallel.distributed",
    "safetensors.torch",
    "zoo_core.publishing",
    "zoo_core.registry",
)


def _work(told: dict[str, Any]) -> None:
    code = 1
    try:
        # A job in the background of a shell is born to ignore interrupts.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.update(told["env"])
        error = os.open(told["stderr"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(error, 2)
        workers.run(told["task"])
        code = 0
    except BaseException:  # noqa: BLE001  the test reads it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Serve until stdin ends."""
    for name in _FIRST:
        importlib.import_module(name)
    for line in sys.stdin:
        verb, _, rest = line.partition(" ")
        if verb == "run":
            number = os.fork()
            if number == 0:
                _work(json.loads(rest))
            answer = number
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(int(rest), 0)[1])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
