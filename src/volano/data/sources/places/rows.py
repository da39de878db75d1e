"""Rows that stand in the spec itself: {rows: [{text: hello}]}."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from volano.data.sources.limits import Limits
from volano.data.sources.pieces import Columns, columns_of, finished
from volano.data.sources.source import SOURCES, Around, Reject, Source, set_aside
from volano.data.sources.spec import bad, check_keys
from volano.data.step import Record


@dataclass(slots=True)
class Rows:
    """Rows at hand; what is no object is set aside. An origin that one brings along stays."""

    given: list[Any]
    columns: Columns

    def rows(self, reject: Reject) -> Iterator[Record]:
        """Yield the rows, each with its place as its origin."""
        return finished(self._rows(reject), self.columns, Limits().depth, reject)

    def fingerprint(self) -> str:
        """Return the digest of the rows."""
        said = json.dumps(self.given, sort_keys=True, default=str)
        return hashlib.sha256(said.encode()).hexdigest()

    def state(self) -> Mapping[str, Any]:
        """Return nothing: they are read as a whole."""
        return {}

    def _rows(self, reject: Reject) -> Iterator[Record]:
        for at, row in enumerate(self.given):
            if isinstance(row, Mapping):
                yield {"origin": {"row": at}, **row}
            else:
                set_aside(reject, {"row": at}, "not an object", excerpt=str(row))


@SOURCES.register("rows")
def at_hand(spec: Mapping[str, Any], around: Around) -> Source:  # noqa: ARG001 - every opener has it
    """Open rows that are at hand."""
    check_keys(spec, ("rows", "columns"), "rows")
    if not isinstance(spec["rows"], list):
        raise bad("`rows` is a list of objects")
    return Rows(spec["rows"], columns_of(spec.get("columns", {})))
