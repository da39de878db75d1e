"""Tail: what was recorded since the last look, for who follows."""

from collections.abc import Callable

from volano.traces.filter import Node, compiled
from volano.traces.found import NAMES, TABLES, Page, Select, row_of
from volano.traces.sealed.records import OLDEST
from volano.traces.sealed.within import Within
from volano.traces.span import Span
from volano.traces.trace import Trace


def tail(
    select: Select, newest_of: Callable[[str], int], node: Node | None,
    after: tuple[int, int] | None, now_us: int, limit: int,
) -> Page:  # fmt: skip
    """Return rows newer than the cursor, oldest first, and the cursor to go on with.

    Without a cursor it is the one of this moment. Rows that the filter leaves out are
    passed over, so that no look reads them twice.
    """
    newest = tuple(map(newest_of, TABLES))
    if after is None:
        return Page((), f"{newest[0]}-{newest[1]}")
    rows: list[Trace | Span] = []
    ends = []
    for table, begin, end in zip(TABLES, after, newest, strict=True):
        where = compiled(node, table, now_us)
        found = select(
            table, NAMES[table], where.where, where.params, order=OLDEST, limit=limit,
            within=Within(after=begin, before=end + 1),
        )  # fmt: skip
        rows += [row_of(table, values) for values in found]
        ends.append(rows[-1].seq if len(found) == limit else max(begin, end))
    return Page(tuple(sorted(rows, key=lambda row: row.began_us)), f"{ends[0]}-{ends[1]}")
