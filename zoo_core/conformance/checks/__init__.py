"""The checks, a theme a module; each module lists its own as `CHECKS`."""
