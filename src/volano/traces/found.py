"""Found: calls and spans in one list, the newest first, as a filter chooses them.

Two tables are read side by side, each in the order of recording, and merged by
the time of their beginning. A cursor is how far both were read: `412-9081`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from volano.traces.filter import Condition, Node, Says, compiled, split
from volano.traces.filter.nodes import all_of
from volano.traces.filter.sql import match
from volano.traces.sealed.within import Within
from volano.traces.search import Search
from volano.traces.span import Span
from volano.traces.tables import COLUMNS
from volano.traces.trace import Trace

Table = Literal["calls", "spans"]
Select = Callable[..., Sequence[tuple[Any, ...]]]
"""`select(table, where, params, *, columns, within, order, limit)`: rows of one table, hot and sealed."""
Count = Callable[..., Sequence[tuple[Any, ...]]]
"""`count(table, values, where, params, *, by, within)`: one row for each group of rows."""

TABLES: tuple[Table, Table] = ("calls", "spans")
NAMES: dict[Table, tuple[str, ...]] = {
    "calls": ("seq", *COLUMNS),
    "spans": tuple(Span.__match_args__),
}
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

    def __init__(self, select: Select, count: Count, newest: Callable[[str], int], search: Search):
        self._select, self._count, self._newest, self._search = select, count, newest, search

    def page(
        self, node: Node | None, *, now_us: int, since_us: int | None, until_us: int | None,
        before: str | None, limit: int, tables: Sequence[Table] = TABLES,
    ) -> Page:  # fmt: skip
        """Return the newest rows, from the cursor on."""
        ends = dict(zip(TABLES, cursor(before) or (_END, _END), strict=True))
        found = {
            table: list(
                self.rows(table, node, now_us=now_us, limit=limit + 1,
                          within=Within(since_us, until_us, before=ends[table]))
            )
            for table in tables
        }  # fmt: skip
        rows = _merged(found, limit)
        for row in rows:
            ends[table_of(row)] = row.seq
        more = sum(map(len, found.values())) > len(rows)
        return Page(tuple(rows), f"{ends['calls']}-{ends['spans']}" if more else None)

    def rows(
        self, table: Table, node: Node | None, *, now_us: int, within: Within, limit: int
    ) -> Iterator[Trace | Span]:
        """Yield rows of one table, newest first."""
        for values in self._values(table, node, now_us, within, limit, NAMES[table]):
            yield row_of(table, values)

    def counts(
        self, node: Node | None, *, now_us: int, since_us: int, until_us: int, each_us: int
    ) -> Iterator[tuple[int, int, int]]:
        """Yield beginnings of stretches of time with how many rows, and how many failed."""
        words, rest = split(node)
        within, by = Within(since_us, until_us), f"began_us / {each_us} * {each_us}"
        for table in TABLES:
            where = compiled(node, table, now_us)
            if not words:
                yield from self._summed(table, where, by, within)
                continue
            covered = self._search.covered(table)
            yield from self._summed(table, where, by, replace(within, after=covered))
            where = compiled(rest, table, now_us)
            for seqs in self._matching(table, match(words), min(_END, covered + 1), _COUNTED):
                yield from self._summed(table, _among(where, seqs), by, _around(within, seqs))

    def _values(
        self, table: Table, node: Node | None, now_us: int, within: Within, limit: int,
        columns: Sequence[str],
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        words, rest = split(node)
        where = compiled(node, table, now_us)
        if not words:
            yield from self._some(table, where, limit, columns, within)
            return
        covered = self._search.covered(table)
        left = limit
        for values in self._scan(table, where, covered, limit, columns, within):
            left -= 1
            yield values
        if left > 0:
            within = replace(within, before=min(_before(within), covered + 1))
            yield from self._indexed(table, words, rest, now_us, within, left, columns)

    def _indexed(
        self, table: Table, words: tuple[Says, ...], rest: Node | None, now_us: int,
        within: Within, limit: int, columns: Sequence[str],
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        """Ask the index, and of what it gives, the filter.

        Where hardly any row with the words fits the filter, the filter is the
        narrower question: then it goes first, and the words are looked for in what it leaves.
        """
        where = compiled(rest, table, now_us)
        left, looked = limit, 0
        for seqs in self._matching(table, match(words), _before(within), _END):
            around = _around(within, seqs)
            for values in self._some(table, _among(where, seqs), left, columns, around):
                left -= 1
                yield values
            looked += len(seqs)
            if left <= 0:
                return
            if looked >= sum(_MATCHES) and (limit - left) * _RARE < looked:
                break
        else:
            return
        where = compiled(all_of([rest, *words]), table, now_us)
        yield from self._some(table, where, left, columns, replace(within, before=seqs[-1]))

    def _scan(
        self, table: Table, where: Condition, covered: int, limit: int,
        columns: Sequence[str], within: Within,
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        """Look at the rows that are not indexed yet, in pieces, so that no look takes long."""
        end = min(_before(within), self._newest(table) + 1)
        left = limit
        while end > covered + 1 and left > 0:
            start = max(covered + 1, end - SCAN_ROWS)
            piece = replace(within, after=start - 1, before=end)
            for values in self._some(table, where, left, columns, piece):
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
        self, table: Table, where: Condition, limit: int, columns: Sequence[str], within: Within
    ) -> Sequence[tuple[Any, ...]]:
        return self._select(table, columns, where.where, where.params, limit=limit, within=within)

    def _summed(
        self, table: Table, where: Condition, by: str, within: Within
    ) -> Iterator[tuple[int, int, int]]:
        rows = self._count(table, _COUNTS, where.where, where.params, by=(by,), within=within)
        yield from ((at, n, failed or 0) for at, n, failed in rows)


_COUNTS = "count(*), sum(CASE WHEN outcome IN ('error', 'cut') THEN 1 ELSE 0 END)"
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


def _before(within: Within) -> int:
    return _END if within.before is None else within.before


def _around(within: Within, seqs: Sequence[int]) -> Within:
    """Bounds around these rows, newest first, so that few files are opened."""
    return replace(within, after=seqs[-1] - 1, before=seqs[0] + 1)


def _among(where: Condition, seqs: Sequence[int]) -> Condition:
    numbers = ", ".join(map(str, seqs))
    return Condition(f"seq IN ({numbers}) AND {where.where}", where.params)


def parts(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    """Yield ids in portions that one statement takes."""
    every = sorted(set(ids))
    for start in range(0, len(every), _AT_ONCE):
        yield every[start : start + _AT_ONCE]
