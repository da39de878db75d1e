"""Drift as a trigger: what has moved that had not at the mark (port `Sense`)."""

from typing import Any

from volano.core.ports.drifted import Drifted
from volano.core.ports.sensed import Sensed


class SenseDrift:
    """Sees drift begin on a reference (`*`: on any). What goes on is no news; what came back is."""

    def __init__(self, drifted: Drifted):
        self._drifted = drifted

    def __call__(self, what: str, mark: Any) -> Sensed:
        """Look now; the mark is what has moved."""
        moved = sorted(
            f"{one.watch}: {one.subject}"
            for one in self._drifted()
            if one.found == "moved" and what in ("*", one.watch)
        )
        new = [] if mark is None else [one for one in moved if one not in mark]
        return Sensed(moved, len(new), {"moved": new[:20]})
