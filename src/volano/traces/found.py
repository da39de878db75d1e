"""Found: calls and spans in one list, the newest first, as a filter chooses them.

Two tables are read side by side, each in the order of recording, and merged by
the time of their beginning. A cursor is how far both were read: `412-9081`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from volano.traces.filter import Condition, Node, Says, compiled, split
from volano.traces.filter.nodes import all_of
from volano.traces.filter.sql import match
from volano.traces.search import Search
from volano.traces.span import Span
from volano.traces.tables import COLUMNS
from volano.traces.trace import Trace

Table = Literal["calls", "spans"]
Select = Callable[..., Sequence[tuple[Any, ...]]]
"""`select(table, where, params, *, columns, group, order, limit)`: of one table, hot or sealed rows."""

TABLES: tuple[Table, Table] = ("calls", "spans")
NAMES: dict[Table, tuple[str, ...]] = {
    "calls": ("seq", *COLUMNS),
    "spans": tuple(Span.__match_args__),
}
QUOTED = {table: tuple(f'"{name}"' for name in names) for table, names in NAMES.items()}
SCAN_ROWS = 20_000
_MATCHES = (200, 1_000, 5_000)
_RARE = 500
"""Where fewer than one in so many rows with the words fit the filter, the filter goes first."""
_END = 1 << 62
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and the cursor where the next page begins; None: there is no more."""

    rows: tuple[Trace | Span, ...]
    next: str | None


def table_of(row: Trace | Span) -> Table:
    """Return the table that a row is from."""
    return "calls" if isinstance(row, Trace) else "spans"


def row_of(table: Table, values: Sequence[Any]) -> Trace | Span:
    """Return what a row of the table says."""
    named = dict(zip(NAMES[table], values, strict=True))
    named["tags"] = json.loads(named["tags"])
    if table == "spans":
        return Span(**named)
    return Trace(**{**named, "streamed": bool(named["streamed"])})


class Finder:
    """Reads both tables through `select`, and the index of words."""

    def __init__(self, select: Select, search: Search):
        self._select, self._search = select, search

    def page(
        self, node: Node | None, *, now_us: int, since_us: int | None, until_us: int | None,
        before: str | None, limit: int, tables: Sequence[Table] = TABLES,
    ) -> Page:  # fmt: skip
        """Return the newest rows, from the cursor on."""
        ends = dict(zip(TABLES, cursor(before) or (_END, _END), strict=True))
        found = {
            table: list(
                self.rows(table, node, now_us=now_us, window=(since_us, until_us),
                          before=ends[table], limit=limit + 1)
            )
            for table in tables
        }  # fmt: skip
        rows = _merged(found, limit)
        for row in rows:
            ends[table_of(row)] = row.seq
        more = sum(map(len, found.values())) > len(rows)
        return Page(tuple(rows), f"{ends['calls']}-{ends['spans']}" if more else None)

    def rows(
        self, table: Table, node: Node | None, *, now_us: int,
        window: tuple[int | None, int | None] = (None, None), before: int = _END, limit: int,
    ) -> Iterator[Trace | Span]:  # fmt: skip
        """Yield rows of one table, newest first."""
        for values in self._values(table, node, now_us, window, before, limit, QUOTED[table]):
            yield row_of(table, values)

    def counts(
        self, node: Node | None, *, now_us: int, since_us: int, until_us: int, each_us: int
    ) -> Iterator[tuple[int, int, int]]:
        """Yield beginnings of stretches of time with how many rows, and how many failed."""
        words, rest = split(node)
        window = (since_us, until_us)
        columns = (
            f"began_us / {each_us} * {each_us}",
            "count(*)",
            "sum(CASE WHEN outcome IN ('error', 'cut') THEN 1 ELSE 0 END)",
        )
        for table in TABLES:
            if not words:
                where = _windowed(compiled(node, table, now_us), window)
                yield from self._summed(table, where, columns)
                continue
            new = _windowed(compiled(node, table, now_us), window)
            covered = self._search.covered(table)
            yield from self._summed(table, _narrowed(new, "seq > ?", [covered]), columns)
            where = _windowed(compiled(rest, table, now_us), window)
            for seqs in self._matching(table, match(words), min(_END, covered + 1), _COUNTED):
                yield from self._summed(table, _among(where, seqs), columns)

    def _values(
        self, table: Table, node: Node | None, now_us: int,
        window: tuple[int | None, int | None], before: int, limit: int, columns: Sequence[str],
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        words, rest = split(node)
        where = _windowed(compiled(node, table, now_us), window)
        if not words:
            where = _narrowed(where, "seq < ?", [before])
            yield from self._some(table, where, limit, columns)
            return
        covered = self._search.covered(table)
        left = limit
        for values in self._scan(table, where, covered, before, limit, columns):
            left -= 1
            yield values
        if left > 0:
            yield from self._indexed(
                table, words, rest, now_us, window, min(before, covered + 1), left, columns
            )

    def _indexed(
        self, table: Table, words: tuple[Says, ...], rest: Node | None, now_us: int,
        window: tuple[int | None, int | None], before: int, limit: int, columns: Sequence[str],
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        """Ask the index, and of what it gives, the filter.

        Where hardly any row with the words fits the filter, the filter is the
        narrower question: then it goes first, and the words are looked for in what it leaves.
        """
        where = _windowed(compiled(rest, table, now_us), window)
        left, looked = limit, 0
        for seqs in self._matching(table, match(words), before, _END):
            for values in self._some(table, _among(where, seqs), left, columns):
                left -= 1
                yield values
            looked += len(seqs)
            if left <= 0:
                return
            if looked >= sum(_MATCHES) and (limit - left) * _RARE < looked:
                break
        else:
            return
        node = all_of([rest, *words])
        where = _narrowed(_windowed(compiled(node, table, now_us), window), "seq < ?", [seqs[-1]])
        yield from self._some(table, where, left, columns)

    def _scan(
        self, table: Table, where: Condition, covered: int, before: int, limit: int,
        columns: Sequence[str],
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        """Look at the rows that are not indexed yet, in pieces, so that no look takes long."""
        newest = self._select(table, "TRUE", [], columns=("max(seq)",))
        end = min(before, ((newest[0][0] if newest else None) or 0) + 1)
        left = limit
        while end > covered + 1 and left > 0:
            start = max(covered + 1, end - SCAN_ROWS)
            piece = _narrowed(where, "seq >= ? AND seq < ?", [start, end])
            for values in self._some(table, piece, left, columns):
                left -= 1
                yield values
            end = start

    def _matching(
        self, table: Table, asked: str, before: int, most: int
    ) -> Iterator[Sequence[int]]:
        """Yield the rows with these words, newest first, in portions that grow."""
        sizes = iter(_MATCHES)
        size = next(sizes)
        while most > 0:
            seqs = self._search.seqs(table, asked, before=before, limit=min(size, most))
            if seqs:
                yield seqs
            if len(seqs) < size:
                return
            before, most = seqs[-1], most - len(seqs)
            size = next(sizes, size)

    def _some(
        self, table: Table, where: Condition, limit: int, columns: Sequence[str]
    ) -> Sequence[tuple[Any, ...]]:
        return self._select(
            table, where.where, where.params, order="seq DESC", limit=limit, columns=columns
        )

    def _summed(
        self, table: Table, where: Condition, columns: Sequence[str]
    ) -> Iterator[tuple[int, int, int]]:
        rows = self._select(table, where.where, where.params, columns=columns, group="1")
        yield from ((at, n, failed or 0) for at, n, failed in rows)


_COUNTED = 100_000
"""A picture over time counts the newest of so many rows with the words."""


def cursor(text: str | None) -> tuple[int, int] | None:
    """Read a cursor; None where it is none."""
    calls, dash, spans = (text or "").partition("-")
    if not dash or not all(p.isascii() and p.isdigit() and len(p) < 20 for p in (calls, spans)):
        return None
    return min(int(calls), _END), min(int(spans), _END)


def _merged(found: dict[Table, list[Trace | Span]], limit: int) -> list[Trace | Span]:
    """Merge by beginning, each table in its own order."""
    heads = {table: iter(rows) for table, rows in found.items()}
    fronts = {table: next(rows, None) for table, rows in heads.items()}
    merged: list[Trace | Span] = []
    while len(merged) < limit:
        ready = [(row.began_us, table) for table, row in fronts.items() if row is not None]
        if not ready:
            break
        _, table = max(ready)
        row = fronts[table]
        assert row is not None
        merged.append(row)
        fronts[table] = next(heads[table], None)
    return merged


def _windowed(where: Condition, window: tuple[int | None, int | None]) -> Condition:
    for test, at_us in zip(("began_us >= ?", "began_us < ?"), window, strict=True):
        if at_us is not None:
            where = _narrowed(where, test, [at_us])
    return where


def _narrowed(where: Condition, test: str, params: Sequence[Any]) -> Condition:
    return Condition(f"{test} AND {where.where}", [*params, *where.params])


def _among(where: Condition, seqs: Sequence[int]) -> Condition:
    numbers = ", ".join(map(str, seqs))
    return Condition(f"seq IN ({numbers}) AND {where.where}", where.params)


def parts(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    """Yield ids in portions that one statement takes."""
    every = sorted(set(ids))
    for start in range(0, len(every), _AT_ONCE):
        yield every[start : start + _AT_ONCE]
