"""Spans: the reading side of what applications sent. Each verb is one short look at the file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from volano.traces import gathered
from volano.traces.errors import UnknownSpanError
from volano.traces.hot import reading
from volano.traces.sealed.records import Records
from volano.traces.sealed.within import Within
from volano.traces.span import Span
from volano.traces.tables import SELECT_SPAN

_TAGS = Span.__match_args__.index("tags")
_MIGRATION = 4
"""The one that made the table."""
_FIRST = (-1, -1)
After = tuple[int, int]
"""Where a page ended: `began_us` and `seq` of its last span."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A span that could not be kept for what it is: when it came, who sent it, and why."""

    seq: int
    at_us: int
    key_id: str
    group: str
    why: str
    name: str


class Spans:
    """Reads spans. A file that is not there yet holds none."""

    def __init__(self, hot_path: Path, records: Records | None = None):
        self._path = hot_path
        self._records = records or Records(hot_path)

    def list(
        self,
        *,
        service: str | None = None,
        session: str | None = None,
        kind: str | None = None,
        outcome: str | None = None,
        dialect: str | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
        limit: int = 50,
        before_seq: int | None = None,
    ) -> tuple[Span, ...]:
        """Return the newest spans first; go on with `before_seq` = the last one's `seq`."""
        given = {
            "service": service, "session": session, "kind": kind, "outcome": outcome,
            "dialect": dialect,
        }  # fmt: skip
        used = {name: value for name, value in given.items() if value is not None}
        indexed = ["session <> ''"] if session else []  # lets its index be used
        rows = self._records.select(
            "spans", Span.__match_args__,
            " AND ".join([*(f"{name} = ?" for name in used), *indexed]) or "TRUE",
            [*used.values()], limit=limit, within=Within(since_us, until_us, before=before_seq),
        )  # fmt: skip
        return tuple(map(_span, rows))

    def get(self, trace_id: str, span_id: str) -> Span:
        """Return one span.

        Raises:
            UnknownSpanError: it was not sent, or is not recorded yet.
        """
        found = self._select(trace_id, "id = ? AND span_id = ?", [trace_id, span_id])
        if not found:
            raise UnknownSpanError(span=span_id, trace=trace_id)
        return found[0]

    def show(self, trace_id: str, span_id: str) -> dict[str, Any]:
        """Return one span with all that was said of it.

        Raises:
            UnknownSpanError: it was not sent, or is not recorded yet.
        """
        found = self.get(trace_id, span_id)
        values: dict[str, Any] = {name: getattr(found, name) for name in Span.__match_args__}
        return {**self.said(found), **values}

    def said(self, span: Span) -> Mapping[str, Any]:
        """Return all that was said of a span: attributes, resource, scope, events, links.

        Raises:
            UnknownSpanError: it is not there any more.
        """
        rows = self._rows(span.id, "SELECT attributes FROM spans WHERE seq = ?", [span.seq])
        if not rows:
            raise UnknownSpanError(span=span.span_id, trace=span.id)
        found: Mapping[str, Any] = json.loads(zstandard.decompress(rows[0][0]))
        return found

    def of_trace(
        self, trace_id: str, *, limit: int = 1000, after: After = _FIRST
    ) -> tuple[Span, ...]:
        """Return the spans of a trace in the order of their beginning; go on with `after`."""
        return self._page(trace_id, "id = ?", [trace_id], limit=limit, after=after)

    def children(
        self, trace_id: str, span_id: str | None, *, limit: int = 200, after: After = _FIRST
    ) -> tuple[Span, ...]:
        """Return the spans below this one, by their beginning; None: those without a parent."""
        return self._page(
            trace_id,
            "id = ? AND parent_span_id IS ?",
            [trace_id, span_id],
            limit=limit,
            after=after,
        )

    def count(self, trace_id: str) -> int:
        """Count the spans of a trace."""
        rows = self._rows(trace_id, "SELECT count(*) FROM spans WHERE id = ?", [trace_id])
        return int(rows[0][0]) if rows else 0

    def refused(self, limit: int = 20) -> tuple[Refused, ...]:
        """Return spans that could not be kept for what they are, the newest first."""
        sql = 'SELECT seq, at_us, key_id, "group", why, name FROM spans_aside'
        with reading(self._path, least=_MIGRATION) as conn:
            rows = conn.execute(f"{sql} ORDER BY seq DESC LIMIT ?", [limit]) if conn else ()
            return tuple(Refused(*row) for row in rows)

    def _page(
        self, trace_id: str, where: str, values: Sequence[Any], *, limit: int, after: After
    ) -> tuple[Span, ...]:
        """The index alone says which are on the page; only their rows are read."""
        page = (
            f"SELECT seq FROM spans INDEXED BY spans_by_parent WHERE {where} "  # noqa: S608
            "AND (began_us, seq) > (?, ?) ORDER BY began_us, seq LIMIT ?"
        )
        where = f"seq IN ({page}) ORDER BY began_us, seq"
        return self._select(trace_id, where, [*values, *after, limit])

    def _select(self, trace_id: str, where: str, values: Sequence[Any]) -> tuple[Span, ...]:
        rows = self._rows(trace_id, f"{SELECT_SPAN} WHERE {where}", values)
        return tuple(map(_span, rows))

    def _rows(self, trace_id: str, sql: str, values: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        with gathered.trace(self._path, self._records, trace_id, least=_MIGRATION) as conn:
            return [] if conn is None else conn.execute(sql, values).fetchall()


def _span(row: tuple[Any, ...]) -> Span:
    values = list(row)
    values[_TAGS] = json.loads(values[_TAGS])
    return Span(*values)
