"""Sample: so many rows, or such a share of them, drawn by content; no more and no fewer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from volano.data import draw
from volano.data.column import check_number
from volano.data.errors import BadStepError
from volano.data.step import STEPS, Notes, Record


@STEPS.register("sample")
@dataclass(frozen=True, slots=True)
class Sample:
    """Draws `rows` rows, or a `share` of all, by their content and `seed`: the same rows in whatever shards they lie.

    `by` names a column whose values keep their proportions (strata). Where there are fewer rows, all go on.
    """

    name: ClassVar[str] = "sample"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = True

    rows: int = 0
    share: float = 0.0
    by: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        check_number(self.name, "rows", self.rows, least=0, most=10**12, whole=True)
        check_number(self.name, "share", self.share, least=0, most=1)
        check_number(self.name, "seed", self.seed, least=0, most=2**53, whole=True)
        if bool(self.rows) == bool(self.share):
            raise BadStepError(step=self.name, setting="rows", why="say rows or share, one of them")

    def survey(self, rows: Iterable[Record], folder: Path) -> None:
        """Write the place of each row in the draw."""
        draw.survey(rows, folder, column=self.by, seed=self.seed)

    def decide(self, folders: Sequence[Path], _: Path) -> list[dict[str, list[int]]]:
        """Return up to which place the rows of each stratum go on."""
        return draw.decide(folders, self._wanted, column=self.by)

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        """Yield the rows that are drawn."""
        drawn = draw.Drawn(decided, column=self.by, seed=self.seed)
        for row in rows:
            if drawn.times(row):
                yield row
            else:
                notes.drop(row, "not drawn")

    def _wanted(self, counts: Mapping[str, int]) -> Mapping[str, int]:
        total = self.rows or round(self.share * sum(counts.values()))
        return draw.apportioned(counts, total)
