"""Labels: many words for the same thing become one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from volano.core.errors import InvalidError
from volano.core.text import nfc
from volano.data.errors import BadStepError
from volano.data.step import STEPS, Notes, Record

UNMAPPED = ("keep", "drop", "fail")


class UnmappedLabelError(InvalidError):
    """The label `{label}` is not in the table of `map-labels` (column `{column}`)."""

    hint = "Add it to the table, or set `unmapped: drop` or `unmapped: keep`."


@STEPS.register("map-labels")
@dataclass(frozen=True, slots=True)
class MapLabels:
    """Replaces the label in `column` by what `table` says.

    The table's words are compared as NFC text, and without regard to case and
    surrounding spaces when `fold` is set. A number or truth value is looked up
    as JSON writes it. `unmapped` says what is done with a label that is not in
    the table: `keep` it, `drop` the row, or `fail`. What the table maps to is
    always let through as it is.
    """

    name: ClassVar[str] = "map-labels"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    table: Mapping[str, Any]
    column: str = "label"
    unmapped: Literal["keep", "drop", "fail"] = "drop"
    fold: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.table, Mapping) or not self.table:
            raise BadStepError(step=self.name, setting="table", why="it maps labels to labels")
        if self.unmapped not in UNMAPPED:
            raise BadStepError(step=self.name, setting="unmapped", why="it is keep, drop or fail")
        if not isinstance(self.column, str) or not self.column:
            raise BadStepError(step=self.name, setting="column", why="it is the name of a column")
        if not isinstance(self.fold, bool):
            raise BadStepError(step=self.name, setting="fold", why="it is true or false")
        words = [self._word(word) for word in self.table]
        if len(set(words)) < len(words):
            raise BadStepError(step=self.name, setting="table", why="a label is there twice")

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:  # noqa: ARG002 - the port
        """Yield the rows with their labels mapped.

        Raises:
            UnmappedLabelError: a label is not in the table, and `unmapped` is `fail`.
        """
        table = {self._word(word): label for word, label in self.table.items()}
        known = {self._word(label) for label in self.table.values()}
        for row in rows:
            label = row.get(self.column)
            word = self._word(label)
            if label is not None and word in table:
                if table[word] != label:
                    notes.change("label mapped")
                    row[self.column] = table[word]
                yield row
            elif (label is not None and word in known) or self.unmapped == "keep":
                yield row
            elif self.unmapped == "drop":
                notes.drop(row, "no label" if label is None else "unmapped label", str(label)[:200])
            else:
                raise UnmappedLabelError(label=str(label)[:100], column=self.column)

    def _word(self, label: Any) -> str:
        words = {True: "true", False: "false"}
        text = words[label] if isinstance(label, bool) else str(label)
        return nfc(text).strip().casefold() if self.fold else nfc(text)
