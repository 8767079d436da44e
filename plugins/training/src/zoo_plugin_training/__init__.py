"""Training for every gradient-trained model of the zoo: the loop behind `model.fit`."""

from __future__ import annotations

__version__ = "0.1.0"
