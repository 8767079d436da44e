"""`python -m zoo_core.cli`: what `zoo` runs, for launchers that take a module, such as torchrun."""

from __future__ import annotations

from zoo_core.cli import main

if __name__ == "__main__":
    main()
