"""Balance: each value of a column gets as many rows as the others."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from volano.data import draw
from volano.data.column import check_name, check_number
from volano.data.errors import BadStepError
from volano.data.step import STEPS, Notes, Record

LEAST, MOST = "least", "most"


@STEPS.register("balance")
@dataclass(frozen=True, slots=True)
class Balance:
    """Gives each value of the column `by` the same number of rows: fewer by drawing, more by repeating.

    `to`: `least` (as many as the rarest has), `most` (as the commonest has), or a number. `most_times` bounds
    how often a row may come: a rare value may then stay below. Drawn by content and `seed`, as `sample` draws.
    """

    name: ClassVar[str] = "balance"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = True

    by: str = "label"
    to: str | int = LEAST
    most_times: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        check_name(self.name, "by", self.by)
        check_number(self.name, "most_times", self.most_times, least=1, most=10_000, whole=True)
        check_number(self.name, "seed", self.seed, least=0, most=2**53, whole=True)
        if self.to not in (LEAST, MOST):
            if isinstance(self.to, str):
                why = f"it is {LEAST}, {MOST} or a number of rows"
                raise BadStepError(step=self.name, setting="to", why=why)
            check_number(self.name, "to", self.to, least=1, most=10**12, whole=True)

    def survey(self, rows: Iterable[Record], folder: Path) -> None:
        """Write the place of each row in the draw."""
        draw.survey(rows, folder, column=self.by, seed=self.seed)

    def decide(self, folders: Sequence[Path], _: Path) -> list[dict[str, list[int]]]:
        """Return how often the rows of each value go on."""
        return draw.decide(folders, self._wanted, column=self.by)

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        """Yield the rows, each as often as it was drawn."""
        drawn = draw.Drawn(decided, column=self.by, seed=self.seed)
        for row in rows:
            times = drawn.times(row)
            if times == 0:
                notes.drop(row, "balanced away", draw.stratum_of(row, self.by))
            for _ in range(times - 1):
                notes.change("repeated")
                yield deepcopy(row)
            if times:
                yield row

    def _wanted(self, counts: Mapping[str, int]) -> Mapping[str, int]:
        if not counts:
            return {}
        edge = {LEAST: min(counts.values()), MOST: max(counts.values())}
        to = edge[self.to] if isinstance(self.to, str) else self.to
        return {name: min(to, count * self.most_times) for name, count in counts.items()}
