"""Tail: what was recorded since the last look, for who follows."""

from volano.traces.filter import Node, compiled
from volano.traces.found import QUOTED, TABLES, Page, Select, Table, row_of
from volano.traces.span import Span
from volano.traces.trace import Trace


def tail(
    select: Select, node: Node | None, after: tuple[int, int] | None, now_us: int, limit: int
) -> Page:
    """Return rows newer than the cursor, oldest first, and the cursor to go on with.

    Without a cursor it is the one of this moment. Rows that the filter leaves out are
    passed over, so that no look reads them twice.
    """
    newest = tuple(_newest(select, table) for table in TABLES)
    if after is None:
        return Page((), f"{newest[0]}-{newest[1]}")
    rows: list[Trace | Span] = []
    ends = []
    for table, begin, end in zip(TABLES, after, newest, strict=True):
        where = compiled(node, table, now_us)
        found = select(
            table, f"seq > ? AND seq <= ? AND {where.where}", [begin, end, *where.params],
            columns=QUOTED[table], order="seq", limit=limit,
        )  # fmt: skip
        rows += [row_of(table, values) for values in found]
        ends.append(rows[-1].seq if len(found) == limit else max(begin, end))
    return Page(tuple(sorted(rows, key=lambda row: row.began_us)), f"{ends[0]}-{ends[1]}")


def _newest(select: Select, table: Table) -> int:
    rows = select(table, "TRUE", [], columns=("max(seq)",))
    return (rows[0][0] or 0) if rows else 0
