"""Steps: one trace read level by level, so that the first look costs the same for 50,000 steps.

Which steps are on a page is decided in the index by parent; only their rows are
read. Calls of the gateway and spans of applications stand in one order: by
their beginning, a call before a span of the same moment.
"""

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from volano.traces import gathered
from volano.traces.errors import UnknownSpanError, UnknownTraceError
from volano.traces.sealed.records import Records
from volano.traces.step import MANY, Outline, Step, StepPage, What

Place = tuple[int, What, int]
"""Where a page begins: after the step of this beginning, table and `seq`."""
_START: Place = (-(1 << 62), "call", -1)
_CURSOR = re.compile(r"(-?\d{1,18})\.([cs])(\d{1,18})", re.ASCII)
_MIGRATION = 4
_TABLES: tuple[What, What] = ("call", "span")


class Steps:
    """Reads the steps of traces. A file that is not there yet holds none."""

    def __init__(self, hot_path: Path, records: Records | None = None):
        self._path = hot_path
        self._records = records or Records(hot_path)

    def outline(self, trace_id: str) -> Outline:
        """Return how large a trace is, how many of its steps failed, from when to when.

        Raises:
            UnknownTraceError: nothing was recorded under this id.
        """
        failed = 0
        found: list[tuple[int, int | None, int | None]] = [(0, None, None)] * 2
        with gathered.trace(self._path, self._records, trace_id, least=_MIGRATION) as conn:
            if conn is not None:
                found = [conn.execute(_OUTLINE[what], [trace_id]).fetchone() for what in _TABLES]
                for what in _TABLES:
                    failed += conn.execute(_HOW_MANY_FAILED[what], [trace_id]).fetchone()[0]
        (calls, *_), (spans, *_) = found
        began = [row[1] for row in found if row[1] is not None]
        ended = [row[2] for row in found if row[2] is not None]
        if not began:
            raise UnknownTraceError(trace=trace_id)
        return Outline(trace_id, calls, spans, failed, min(began), max(ended))

    def roots(self, trace_id: str, *, limit: int = 50, after: str | None = None) -> StepPage:
        """Return the steps that stand below no other: also those whose parent nobody sent.

        Where all steps name each other as parents, the first one counts as root.
        """
        with gathered.trace(self._path, self._records, trace_id, least=_MIGRATION) as conn:
            if conn is None:
                return StepPage((), None)
            lost = conn.execute(_NOBODY, [trace_id, MANY]).fetchall()
            values = [trace_id, json.dumps([parent for (parent,) in lost]), trace_id]
            found = self._merged(conn, trace_id, _ROOTS, values, limit, after)
            if not found.steps and after is None:
                found = StepPage(
                    self._merged(conn, trace_id, _ANY, [trace_id], 1, None).steps, None
                )
            return found

    def below(
        self, trace_id: str, span_id: str, *, limit: int = 50, after: str | None = None
    ) -> StepPage:
        """Return the steps right below this one, by their beginning."""
        with gathered.trace(self._path, self._records, trace_id, least=_MIGRATION) as conn:
            if conn is None:
                return StepPage((), None)
            return self._merged(conn, trace_id, _BELOW, [trace_id, span_id], limit, after)

    def get(self, trace_id: str, span_id: str) -> Step:
        """Return one step.

        Raises:
            UnknownSpanError: it is not there.
        """
        with gathered.trace(self._path, self._records, trace_id, least=_MIGRATION) as conn:
            for what in reversed(_TABLES) if conn else ():
                rows = conn.execute(_ONE[what], [trace_id, span_id]).fetchall() if conn else []
                if rows and conn:
                    return self._counted(conn, trace_id, [Step(*rows[0])])[0]
        raise UnknownSpanError(span=span_id, trace=trace_id)

    def above(self, trace_id: str, span_id: str, *, limit: int = 12) -> tuple[Step, ...]:
        """Return the steps that lead to this one, the nearest last; of many only the nearest."""
        found: list[Step] = []
        seen = {span_id}
        step = self.get(trace_id, span_id)
        while step.parent_span_id and step.parent_span_id not in seen and len(found) < limit:
            seen.add(step.parent_span_id)
            try:
                step = self.get(trace_id, step.parent_span_id)
            except UnknownSpanError:
                break
            found.append(step)
        return tuple(reversed(found))

    def failed(self, trace_id: str, *, limit: int = 20, after: str | None = None) -> StepPage:
        """Return the steps that failed, by their beginning."""
        with gathered.trace(self._path, self._records, trace_id, least=_MIGRATION) as conn:
            if conn is None:
                return StepPage((), None)
            return self._merged(conn, trace_id, _FAILED, [trace_id], limit, after)

    def all(self, trace_id: str, *, limit: int) -> Iterator[Step]:
        """Yield the steps of a trace, no more than that of each kind; children are not counted."""
        for what in _TABLES:
            with gathered.trace(self._path, self._records, trace_id, least=_MIGRATION) as conn:
                if conn is not None:
                    yield from (Step(*row) for row in conn.execute(_ALL[what], [trace_id, limit]))

    def _merged(
        self, conn: sqlite3.Connection, trace_id: str, which: dict[What, str],
        values: Sequence[Any], limit: int, after: str | None,
    ) -> StepPage:  # fmt: skip
        """Take a page from both tables, and of that the first ones together."""
        place = place_of(after)
        places: list[Place] = []
        for what in _TABLES:
            began, seq = _from(place, what)
            rows = conn.execute(which[what], [*values, began, seq, limit + 1]).fetchall()
            places += [(at, what, number) for number, at in rows]
        places.sort()
        shown = places[:limit]
        rows_of = {
            what: {row[1]: row for row in _rows(conn, what, [p[2] for p in shown if p[1] == what])}
            for what in _TABLES
        }
        steps = [Step(*rows_of[what][seq]) for _, what, seq in shown if seq in rows_of[what]]
        following = steps[-1].cursor if steps and len(places) > limit else None
        return StepPage(tuple(self._counted(conn, trace_id, steps)), following)

    @staticmethod
    def _counted(conn: sqlite3.Connection, trace_id: str, steps: Sequence[Step]) -> list[Step]:
        return [
            replace(step, children=sum(
                conn.execute(_COUNT[what], [trace_id, step.span_id, MANY]).fetchone()[0]
                for what in _TABLES
            ))
            for step in steps
        ]  # fmt: skip


def place_of(cursor: str | None) -> Place:
    """Read a cursor; one that nobody gave out is the beginning."""
    found = _CURSOR.fullmatch(cursor or "")
    if found is None:
        return _START
    return int(found[1]), "call" if found[2] == "c" else "span", int(found[3])


def _from(place: Place, what: What) -> tuple[int, int]:
    """Return the `(began_us, seq)` after which this table's rows stand after the place."""
    began, of, seq = place
    if of == what:
        return began, seq
    return (began, -1) if what == "span" else (began, 1 << 62)


def _rows(conn: sqlite3.Connection, what: What, seqs: Sequence[int]) -> list[tuple[Any, ...]]:
    if not seqs:
        return []
    marks = ", ".join("?" * len(seqs))
    return conn.execute(f"{_SELECT[what]} WHERE seq IN ({marks})", seqs).fetchall()


_REST = (
    "began_us, ended_us, latency_us, outcome, error, model, prompt_tokens, completion_tokens, "
    "cost_nano, cost_currency"
)
_SELECT: dict[What, str] = {
    "call": f"SELECT 'call', seq, span_id, parent_span_id, channel, 'call', {_REST} FROM calls",  # noqa: S608
    "span": f"SELECT 'span', seq, span_id, parent_span_id, name, kind, {_REST} FROM spans",  # noqa: S608
}
_OF: dict[What, str] = {"call": "calls", "span": "spans"}
_BAD = "outcome IN ('error', 'cut') AND outcome <> 'ok'"
"""The second half lets the index of what went wrong be used."""
_PAGE = "AND (began_us, seq) > (?, ?) ORDER BY began_us, seq LIMIT ?"


def _both(template: str) -> dict[What, str]:
    return {what: template.format(_OF[what]) for what in _TABLES}


_BELOW = _both(f"SELECT seq, began_us FROM {{}} WHERE id = ? AND parent_span_id = ? {_PAGE}")  # noqa: S608
_ANY = _both(f"SELECT seq, began_us FROM {{}} WHERE id = ? {_PAGE}")  # noqa: S608
_FAILED = _both(f"SELECT seq, began_us FROM {{}} WHERE id = ? AND {_BAD} {_PAGE}")  # noqa: S608
_NOBODY = """
SELECT parent FROM (
  SELECT parent_span_id AS parent FROM spans WHERE id = ?1 AND parent_span_id IS NOT NULL
  UNION SELECT parent_span_id FROM calls WHERE id = ?1 AND parent_span_id IS NOT NULL
) WHERE NOT EXISTS (SELECT 1 FROM spans WHERE id = ?1 AND span_id = parent)
    AND NOT EXISTS (SELECT 1 FROM calls WHERE id = ?1 AND span_id = parent)
LIMIT ?2"""
"""Parents that are named and are not there."""
_ROOTS = _both(f"""
SELECT seq, began_us FROM (
  SELECT seq, began_us FROM {{0}} WHERE id = ? AND parent_span_id IS NULL
  UNION ALL SELECT seq, began_us FROM json_each(?) AS lost CROSS JOIN {{0}}
  ON {{0}}.id = ? AND parent_span_id = lost.value
) WHERE TRUE {_PAGE}
""")  # noqa: S608
_COUNT = _both(
    "SELECT count(*) FROM (SELECT 1 FROM {} WHERE id = ? AND parent_span_id = ? LIMIT ?)"
)
_ONE: dict[What, str] = {w: f"{_SELECT[w]} WHERE id = ? AND span_id = ?" for w in _TABLES}
_ALL: dict[What, str] = {w: f"{_SELECT[w]} WHERE id = ? LIMIT ?" for w in _TABLES}
_OUTLINE: dict[What, str] = {
    "call": "SELECT count(*), min(began_us), max(ended_us) FROM calls WHERE id = ?",
    "span": """SELECT count(*), min(began_us), max(ended_us)
               FROM spans INDEXED BY spans_by_parent WHERE id = ?""",
}
_HOW_MANY_FAILED = _both(f"SELECT count(*) FROM {{}} WHERE id = ? AND {_BAD}")  # noqa: S608
