"""Labels: classes of any type as the numbers 0 … K−1, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from zoo_core.errors import DataError
from zoo_core.interfaces.part import Part


@final
@dataclass(frozen=True)
class Labels:
    """The classes, sorted, and the mark of rows whose class nobody knows (None: all are known)."""

    classes: np.ndarray
    unknown: Any = None

    @classmethod
    def of(cls, y: np.ndarray, unknown: Any) -> Self:
        """Find the classes of rows. Raises ValueError for numbers that are no labels."""
        known = y if unknown is None else y[y != unknown]
        if not len(known):
            raise DataError("Some rows have a known class", received=f"{unknown!r} for all of them")
        check_classification_targets(known)
        return cls(np.unique(known), unknown)

    def codes(self, y: np.ndarray) -> np.ndarray:
        """Give each row's number of its class, −1 where it is unknown. Raises DataError."""
        hidden = np.zeros(len(y), bool) if self.unknown is None else y == self.unknown
        codes = np.searchsorted(self.classes, y).clip(0, len(self.classes) - 1)
        strange = ~hidden & (self.classes[codes] != y)
        if strange.any():
            raise DataError(
                f"y holds the classes {', '.join(map(str, self.classes))}",
                received=y[strange][0],
                remedy="Tell all classes at the first call of partial_fit.",
            )
        return np.where(hidden, -1, codes).astype(np.int64)

    def conditioner(self, *, missing: bool) -> Part:
        """Describe the classes as a model's conditioner, with their names where they are texts."""
        fields: dict[str, Any] = {"classes": len(self.classes)}
        if missing:
            fields["missing"] = True
        if all(isinstance(label, str) for label in self.classes):
            fields["names"] = [str(label) for label in self.classes]
        return Part("core/label", fields)
