"""A Place: where a row lies in its version. A count keeps a few, and so leads to rows."""

from typing import NamedTuple

KEPT = 12
"""So many places a count keeps at most: a page of rows to look at."""


class Place(NamedTuple):
    """A row: its split, how many rows of the split stand before it, its id."""

    split: str
    at: int
    id: str


class Tally:
    """A count of rows, with the places of the first few."""

    __slots__ = ("places", "rows")

    def __init__(self) -> None:
        self.rows = 0
        self.places: list[Place] = []

    def add(self, place: Place) -> None:
        """Count a row."""
        self.rows += 1
        if len(self.places) < KEPT:
            self.places.append(place)

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON values."""
        return {"rows": self.rows, "places": told(self.places)}


def told(places: list[Place]) -> list[dict[str, object]]:
    """Return places as plain JSON values."""
    return [place._asdict() for place in places[:KEPT]]
