"""Traces: the reading side of the records, hot and sealed as one; each verb is one or a few looks."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import zstandard

from volano.core.clock import Clock, SystemClock
from volano.core.text import nfc
from volano.traces.aside import Loss
from volano.traces.callers import Called, answers, callers
from volano.traces.difference import Difference, difference
from volano.traces.errors import UnknownTraceError
from volano.traces.filter import FUNCTIONS, Compare, Node, Says, parse, spell
from volano.traces.filter.nodes import Place as Named
from volano.traces.filter.nodes import all_of
from volano.traces.filter.values import Flag, Text
from volano.traces.found import NAMES, TABLES, Finder, Page, cursor, parts, row_of
from volano.traces.hot import reading
from volano.traces.places import Place, of_sessions, of_tags, of_traces
from volano.traces.reported import reported
from volano.traces.sealed.records import NEWEST, OLDEST, Records
from volano.traces.sealed.within import EVERYTHING, Within
from volano.traces.search import Search, words_of
from volano.traces.shadows import Copied, copied, shadows
from volano.traces.span import Span
from volano.traces.spend import Used, spend, used
from volano.traces.sums import Sums, Where, prepare, sums
from volano.traces.tables import COLUMNS
from volano.traces.tail import tail
from volano.traces.trace import FAILED, SHADOW, Bodies, Counts, Deletion, Spent, Stat, Trace
from volano.traces.traffic import By, Stretch, Traffic, stretches, traffic

_ERRORS = f"outcome IN {FAILED!r}"
_TAGS = Trace.__match_args__.index("tags")
_STREAMED = Trace.__match_args__.index("streamed")
_IDS_AT_ONCE = 500
_END = 1 << 62


class Traces:
    """Reads traces. A file that is not there yet holds none."""

    def __init__(self, hot_path: Path, search_path: Path | None = None, clock: Clock | None = None):
        self._path = hot_path
        self._clock = clock or SystemClock()
        self.records = Records(hot_path, FUNCTIONS)
        search = Search(search_path or hot_path.with_name("search.db"))
        self._finder = Finder(self.records.select, self.records.aggregate, self._newest, search)

    def last(self) -> Trace | None:
        """Return the call that was recorded last, or None."""
        return next(iter(self.list(limit=1)), None)

    def get(self, trace_id: str) -> Trace:
        """Return the newest call of a trace.

        Raises:
            UnknownTraceError: nothing was recorded under this id.
        """
        found = self.calls(trace_id)
        if not found:
            raise UnknownTraceError(trace=trace_id)
        return found[-1]

    def calls(self, trace_id: str) -> tuple[Trace, ...]:
        """Return all calls of a trace, in the order of recording."""
        return self._select(order=OLDEST, within=Within(ids=[trace_id]))

    def bodies(self, trace: Trace) -> Bodies:
        """Return the bodies of a call, byte for byte.

        Raises:
            UnknownTraceError: the call is not there any more.
        """
        one = Within(after=trace.seq - 1, before=trace.seq + 1)
        rows = self.records.select("calls", ("request", "response"), within=one)
        if not rows:
            raise UnknownTraceError(trace=trace.id)
        return Bodies(*map(_unsqueeze, rows[0]))

    def list(
        self,
        *,
        channel: str | None = None,
        release: str | None = None,
        outcome: str | None = None,
        key_id: str | None = None,
        group: str | None = None,
        rollout: str | None = None,
        target: str | None = None,
        model: str | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
        text: str | None = None,
        where: str = "",
        limit: int = 50,
        before_seq: int | None = None,
    ) -> tuple[Trace, ...]:
        """Return the newest calls first; go on with `before_seq` = the last one's `seq`.

        `outcome="failed"` means error or cut. `text` are words of question, answer or
        error, in any language; `where` is a filter.

        Raises:
            FilterError, FilterTooLongError: the filter cannot be read.
        """
        node = all_of([
            *_equal(channel=channel, release=release, key=key_id, group=group, rollout=rollout,
                    target=target, model=model),
            _ended(outcome),
            parse(where),
        ])  # fmt: skip
        if text:
            node = all_of([node, *_saying(text)])
        if text and not words_of(text).terms:
            return ()
        found = self._finder.rows(
            "calls", node, now_us=self._clock.now_us(), limit=limit,
            within=Within(since_us, until_us, before=before_seq),
        )  # fmt: skip
        return tuple(row for row in found if isinstance(row, Trace))

    def page(
        self,
        where: str = "",
        *,
        text: str = "",
        since_us: int | None = None,
        until_us: int | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Return calls and spans, newest first; go on with `before` = the page's `next`.

        With nothing to choose by, it is a list of traces: of each its root, which is a span
        without a parent, or a call that no recorded root stands above.

        Raises:
            FilterError, FilterTooLongError: the filter cannot be read.
        """
        chosen = parse(where)
        node = all_of([chosen, *_saying(text)])
        if text and not words_of(text).terms:
            return Page((), None)
        ask = partial(
            self._finder.page, node if node is not None else _ROOTS, now_us=self._clock.now_us(),
            since_us=since_us, until_us=until_us, limit=limit,
        )  # fmt: skip
        page = ask(before=before)
        return page if node is not None else self._roots(page, ask, limit)

    def find(
        self, *, where: str = "", text: str = "", channel: str | None = None,
        release: str | None = None, outcome: str | None = None, limit: int = 50,
    ) -> tuple[dict[str, Any], ...]:  # fmt: skip
        """Return calls and spans as plain facts, newest first; `kind` tells what each is.

        Raises:
            FilterError, FilterTooLongError: the filter cannot be read.
        """
        more = all_of([*_equal(channel=channel, release=release), _ended(outcome), parse(where)])
        page = self.page(spell(more) if more is not None else "", text=text, limit=limit)
        return tuple(map(_told, page.rows))

    def tail(self, *, where: str = "", after: str | None = None, limit: int = 100) -> Page:
        """Return what was recorded after this cursor, oldest first; without one, only the cursor.

        Raises:
            FilterError, FilterTooLongError: the filter cannot be read.
        """
        return tail(
            self.records.select, self._newest, parse(where), cursor(after), self._clock.now_us(),
            limit,
        )  # fmt: skip

    def histogram(
        self, where: str = "", *, text: str = "", since_us: int, until_us: int, each_us: int
    ) -> tuple[Stretch, ...]:
        """Count calls and spans of a filter by stretches of time; quiet ones are left out.

        Raises:
            FilterError, FilterTooLongError: the filter cannot be read.
        """
        if text and not words_of(text).terms:
            return ()
        node = all_of([parse(where), *_saying(text)])
        sums: dict[int, Stretch] = {}
        for at_us, rows, failed in self._finder.counts(
            node if node is not None else _ROOTS, now_us=self._clock.now_us(),
            since_us=since_us, until_us=until_us, each_us=each_us,
        ):  # fmt: skip
            before = sums.get(at_us, Stretch(at_us, 0, 0))
            sums[at_us] = Stretch(at_us, before.calls + rows, before.errors + failed)
        return tuple(sums[at_us] for at_us in sorted(sums))

    def diff(self, a: str, b: str) -> Difference:
        """Return how two traces differ: fields, words of input and output, steps.

        Raises:
            UnknownTraceError: nothing was recorded under one of these ids.
        """
        return difference(self.steps(a), self.steps(b))

    def steps(self, trace_id: str) -> tuple[Trace | Span, ...]:
        """Return all calls and spans of a trace, in the order of their beginning.

        Raises:
            UnknownTraceError: nothing was recorded under this id.
        """
        rows = [
            row_of(table, values)
            for table in TABLES
            for values in self.records.select(
                table, NAMES[table], within=Within(ids=[trace_id]), limit=_MOST
            )
        ]
        if not rows:
            raise UnknownTraceError(trace=trace_id)
        return tuple(sorted(rows, key=lambda row: (row.began_us, row.ended_us, row.span_id)))

    def since(
        self,
        seq: int,
        *,
        channel: str | None = None,
        rollout: str | None = None,
        limit: int = 1000,
    ) -> tuple[Trace, ...]:
        """Return calls recorded after this `seq`, oldest first: go on with the last one's."""
        conditions, values = _equals(channel=channel, rollout=rollout)
        within = Within(after=seq)
        return self._select(_all(conditions), values, order=OLDEST, limit=limit, within=within)

    def shadows(
        self, after_seq: int, *, rollout: str, limit: int
    ) -> Sequence[tuple[Trace, Trace | None]]:
        """Return copies of a rollout's calls recorded after this `seq`, oldest first, as pairs.

        Each is a shadow's trace with the one it copies, or None where that is not recorded
        (it always is before its copy, but may have been taken out since). Go on with the
        last copy's `seq`.
        """
        return shadows(self._select, after_seq, rollout=rollout, limit=limit)

    def copied(self, after_seq: int, *, rollout: str) -> Sequence[Copied]:
        """Return what copies of a rollout's calls cost that were recorded after this `seq`."""
        return copied(self.records, after_seq, rollout=rollout)

    def by_ids(self, trace_ids: Iterable[str]) -> dict[str, Trace]:
        """Return the newest call of each of these traces; unknown ones are left out."""
        ids, found = sorted(set(trace_ids)), {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            part = ids[start : start + _IDS_AT_ONCE]
            for trace in self._select(order=OLDEST, within=Within(ids=part)):
                found[trace.id] = trace
        return found

    def places(self, trace_ids: Iterable[str]) -> dict[str, Place]:
        """Return where each of these traces stands, also those that only applications told of."""
        return of_traces(self.records, trace_ids)

    def places_of_sessions(self, sessions: Iterable[str]) -> dict[str, Place]:
        """Return where the newest trace of each of these sessions stands."""
        return of_sessions(self.records, sessions)

    def places_of_tags(self, tags: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Place]:
        """Return where the newest trace stands that carries each of these tags."""
        return of_tags(self._rows, self.records, tags)

    def counts(self, since_us: int = 0) -> Counts:
        """Count users' calls by outcome since a moment."""
        within = Within(since_us=since_us)
        rows = self.records.aggregate("calls", "count(*)", _USERS, by=("outcome",), within=within)
        outcomes: dict[str, int] = dict(sorted(rows))
        failed = sum(outcomes.get(name, 0) for name in FAILED)
        return Counts(sum(outcomes.values()), failed, outcomes)

    def stats(self, since_us: int = 0, until_us: int | None = None) -> tuple[Stat, ...]:
        """Return users' calls, errors and latencies by channel and release in a window of time."""
        window = Within(since_us=since_us, until_us=until_us)
        rows = self.records.aggregate(
            "calls", _STATS, _USERS, by=("channel", "release"), order="1, 2", within=window
        )
        return tuple(Stat(*row) for row in rows)

    def traffic(
        self, by: By, since_us: int, channels: Iterable[str] | None = None
    ) -> tuple[Traffic, ...]:
        """Return what was called since a moment, by channel, target or key: the busiest first.

        With `channels`, what clients called that is none of them stands together.
        """
        return traffic(self.records, by, since_us, channels)

    def callers(self, channel: str, since_us: int) -> Sequence[Called]:
        """Return who called a channel since a moment, the last caller first (`callers.callers`)."""
        return callers(self.records, channel, since_us)

    def answers(self, channel: str, release: str, since_us: int) -> int:
        """Return how many calls a release answered on a channel since a moment."""
        return answers(self.records, channel, release, since_us)

    def stretches(self, since_us: int, each_us: int) -> tuple[Stretch, ...]:
        """Count calls by stretches of time of this length; quiet ones are left out."""
        return stretches(self.records, since_us, each_us)

    def sums(
        self,
        *,
        by: Sequence[str] = (),
        where: Where | None = None,
        since_us: int,
        until_us: int,
        each_us: int | None = None,
        sketches: bool = False,
    ) -> Sequence[Sums]:
        """Return sums of what ended in a window, from the rollups (`sums.sums`)."""
        return sums(
            self._rows, by=by, where=where, since_us=since_us, until_us=until_us,
            each_us=each_us, sketches=sketches,
        )  # fmt: skip

    def spend(
        self,
        *,
        by: Sequence[str],
        since_us: int = 0,
        until_us: int | None = None,
        of: Mapping[str, str] | None = None,
    ) -> Sequence[tuple[tuple[Any, ...], Spent]]:
        """Return what calls cost, summed by columns or tags (`day` is 2026-11-01).

        The window is widened to whole hours of the calls' beginnings. `of` keeps only calls
        with these values; a group stands for all that is below it.
        """
        return spend(self._rows, self.records, by, since_us=since_us, until_us=until_us, of=of)

    def reported(
        self, *, by: Sequence[str], since_us: int, until_us: int | None = None
    ) -> Sequence[tuple[tuple[str, ...], Spent]]:
        """Return what spans of applications cost, of which no call or deeper span tells already.

        Raises:
            TooMuchReportedError: there are too many in the window.
        """
        return reported(self.records, by, since_us=since_us, until_us=until_us)

    def used(
        self, *, since_us: int, until_us: int | None = None, of: Mapping[str, str] | None = None
    ) -> Iterable[Used]:
        """Return what calls used, those with equal usage counted together."""
        return used(self.records, since_us=since_us, until_us=until_us, of=of)

    def losses(self, limit: int = 50) -> tuple[Loss, ...]:
        """Return the pieces of the spool that could not become records, newest first."""
        rows = self._rows(
            'SELECT at_us, segment, start, "end", why, aside FROM losses ORDER BY seq DESC LIMIT ?',
            [limit],
        )
        return tuple(Loss(*row) for row in rows)

    def deletions(self, limit: int = 50) -> tuple[Deletion, ...]:
        """Return what retention deleted, the newest first."""
        rows = self._rows(
            'SELECT at_us, "table", day, rows, bodies FROM deletions ORDER BY seq DESC LIMIT ?',
            [limit],
        )
        return tuple(Deletion(*row) for row in rows)

    def close(self) -> None:
        """Let go of what reading sealed files took."""
        self.records.close()

    def _roots(self, page: Page, ask: Callable[..., Page], limit: int) -> Page:
        """Leave out calls below a root that is recorded; go on until the page is full."""
        kept: list[Trace | Span] = []
        for _ in range(_PORTIONS):
            below = {row.id for row in page.rows if row.parent_span_id}
            rooted = self._rooted(below)
            kept += [row for row in page.rows if not row.parent_span_id or row.id not in rooted]
            if page.next is None or len(kept) >= limit // 2:
                break
            page = ask(before=page.next)
        return Page(tuple(kept), page.next)

    def _rooted(self, ids: Iterable[str]) -> set[str]:
        """Return those of these traces that have a span without a parent."""
        found: set[str] = set()
        for some in parts(ids):
            roots = self.records.select(
                "spans", ("id",), "parent_span_id IS NULL", within=Within(ids=some)
            )
            found |= {row[0] for row in roots}
        return found

    def _newest(self, table: str) -> int:
        return self.records.bounds(table)[1]

    def _select(
        self, where: str = "TRUE", values: Sequence[Any] = (), *,
        order: str = NEWEST, limit: int | None = None, within: Within = EVERYTHING,
    ) -> tuple[Trace, ...]:  # fmt: skip
        rows = self.records.select(
            "calls", _SHOWN, where, values, order=order, limit=limit, within=within
        )
        return tuple(map(_trace, rows))

    def _rows(self, sql: str, values: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        with reading(self._path) as conn:
            if conn is None:
                return []
            prepare(conn)
            return conn.execute(sql, values).fetchall()


_SHOWN = ("seq", *COLUMNS)
_USERS = f"arm <> '{SHADOW}'"
"""Copies to a shadow are no traffic."""
_ROOTS = parse("kind = call or not has parent")
_PORTIONS = 20
_MOST = 1_000
"""A trace of more steps than these is compared by its last ones."""
_STATS = f"""
count(*), sum({_ERRORS}),
quantile_disc(latency_us, 0.5) FILTER (WHERE outcome = 'ok'),
quantile_disc(latency_us, 0.95) FILTER (WHERE outcome = 'ok'),
quantile_disc(ttft_us, 0.5) FILTER (WHERE outcome = 'ok' AND streamed <> 0),
quantile_disc(ttft_us, 0.95) FILTER (WHERE outcome = 'ok' AND streamed <> 0),
coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0)
"""


def _all(conditions: Sequence[str]) -> str:
    return " AND ".join(conditions) or "TRUE"


def _equals(**wanted: str | None) -> tuple[list[str], list[Any]]:
    given = {name: value for name, value in wanted.items() if value is not None}
    return [f'"{name}" = ?' for name in given], [*given.values()]


def _equal(**wanted: str | None) -> list[Node]:
    given = {name: value for name, value in wanted.items() if value is not None}
    return [Compare(Named(name), "=", Text(value)) for name, value in given.items()]


def _ended(outcome: str | None) -> Node | None:
    if outcome == "failed":
        return Compare(Named("failed"), "=", Flag(True))
    return Compare(Named("outcome"), "=", Text(outcome)) if outcome is not None else None


def _saying(text: str) -> list[Node]:
    return [Says(Named("text"), nfc(text))] if text else []


def _told(row: Trace | Span) -> dict[str, Any]:
    if isinstance(row, Span):
        return asdict(row)
    return {"kind": "call", "name": row.channel, **asdict(row)}


def _trace(row: tuple[Any, ...]) -> Trace:
    values = [*row]
    values[_TAGS] = json.loads(values[_TAGS])
    values[_STREAMED] = bool(values[_STREAMED])
    return Trace(*values)


def _unsqueeze(body: bytes | None) -> bytes:
    return b"" if body is None else zstandard.ZstdDecompressor().decompress(body)
