"""What the texts are like: how long, in which language, and what in them looks personal."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from volano.data.column import DEEPEST
from volano.data.pii import Scan
from volano.data.profile.column import quantiles
from volano.data.profile.place import Place, Tally
from volano.stats.sketch import Sketch

LOOKED_AT = 4_000
"""Characters of one text that are looked at beyond its length."""
EDGES = (0, 1, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""Where the bins of lengths begin."""
Tell = Callable[[str], str]


def texts_in(value: Any, depth: int = 0) -> str:
    """Return the text of a value; of a conversation or an object all texts in it, line by line."""
    if isinstance(value, str):
        return value
    if depth >= DEEPEST:
        return ""
    if isinstance(value, list | tuple):
        found = [texts_in(item, depth + 1) for item in value]
    elif isinstance(value, dict):
        found = [texts_in(item, depth + 1) for key, item in value.items() if key != "role"]
    else:
        return ""
    return "\n".join(text for text in found if text)


class Texts:
    """Looks at the texts of one column."""

    def __init__(self, column: str, tell: Tell):
        self.column = column
        self._tell = tell
        self._lengths = Sketch()
        self._bins = [Tally() for _ in EDGES]
        self._languages: dict[str, Tally] = defaultdict(Tally)
        self.empty = Tally()

    def see(self, text: str, place: Place) -> None:
        """Take a row's text into account."""
        self._lengths.add(len(text))
        self._bins[bin_of(len(text))].add(place)
        if not text.strip():
            self.empty.add(place)
            return
        self._languages[self._tell(text[:LOOKED_AT])].add(place)

    def lengths(self) -> dict[str, Any]:
        """Return quantiles and bins of lengths in characters, without the empty bins around."""
        filled = [at for at, tally in enumerate(self._bins) if tally.rows]
        bins = [
            {"least": EDGES[at], "most": EDGES[at + 1] - 1 if at + 1 < len(EDGES) else None,
             **self._bins[at].to_dict()}
            for at in (range(filled[0], filled[-1] + 1) if filled else ())
        ]  # fmt: skip
        return {**quantiles(self._lengths), "bins": bins}

    def languages(self) -> list[dict[str, Any]]:
        """Return the languages by how many rows are in them."""
        ranked = sorted(self._languages.items(), key=lambda one: (-one[1].rows, one[0]))
        return [{"language": name, **tally.to_dict()} for name, tally in ranked]


class Personal:
    """Counts what looks like personal data or a secret; what it is, is never kept."""

    def __init__(self) -> None:
        self._scan = Scan()
        self._rows: dict[tuple[str, str], Tally] = defaultdict(Tally)
        self._found: dict[tuple[str, str], int] = defaultdict(int)

    def see(self, row: dict[str, Any], place: Place) -> None:
        """Look into all texts of a row."""
        for column, value in row.items():
            if column in ("id", "origin", "split") or not isinstance(value, str | list | dict):
                continue
            kinds = [one.kind for one in self._scan(texts_in(value)[:LOOKED_AT])]
            for kind in dict.fromkeys(kinds):
                self._rows[kind, column].add(place)
                self._found[kind, column] += kinds.count(kind)

    def to_list(self) -> list[dict[str, Any]]:
        """Return kinds and columns by how many rows have them."""
        ranked = sorted(self._rows.items(), key=lambda one: (-one[1].rows, one[0]))
        return [
            {"kind": kind, "column": column, "found": self._found[kind, column], **tally.to_dict()}
            for (kind, column), tally in ranked
        ]


def bin_of(length: int) -> int:
    """Return which bin of lengths this is."""
    return next(at for at in range(len(EDGES) - 1, -1, -1) if length >= EDGES[at])
