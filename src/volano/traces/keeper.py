"""Traces: the reading side of the records, hot and sealed as one; each verb is one or a few looks."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import zstandard

from volano.core.text import nfc
from volano.traces.aside import Loss
from volano.traces.errors import UnknownTraceError
from volano.traces.hot import reading
from volano.traces.sealed.records import NEWEST, OLDEST, Records
from volano.traces.sealed.within import EVERYTHING, Within
from volano.traces.sums import Sums, Where, prepare, sums
from volano.traces.tables import COLUMNS, HOUR_US
from volano.traces.trace import FAILED, Bodies, Counts, Deletion, Spent, Stat, Trace
from volano.traces.traffic import By, Stretch, Traffic, stretches, traffic

_ERRORS = f"outcome IN {FAILED!r}"
_TAGS = Trace.__match_args__.index("tags")
_STREAMED = Trace.__match_args__.index("streamed")
_SCAN_ROWS = 20_000
_IDS_AT_ONCE = 500
_END = 1 << 62


class Traces:
    """Reads traces. A file that is not there yet holds none."""

    def __init__(self, hot_path: Path):
        self._path = hot_path
        self.records = Records(hot_path)

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
        since_us: int | None = None,
        until_us: int | None = None,
        text: str | None = None,
        limit: int = 50,
        before_seq: int | None = None,
    ) -> tuple[Trace, ...]:
        """Return the newest calls first; go on with `before_seq` = the last one's `seq`.

        `outcome="failed"` means error or cut. `text` is looked for in question
        and answer, in any language, upper and lower case alike.
        """
        conditions, values = _equals(
            channel=channel, release=release, key_id=key_id, group=group, rollout=rollout,
            target=target,
        )  # fmt: skip
        if outcome is not None:
            conditions += [_ERRORS if outcome == "failed" else "outcome = ?"]
            conditions += [] if outcome == "ok" else ["outcome <> 'ok'"]  # lets its index be used
            values += [] if outcome == "failed" else [outcome]
        within = Within(since_us=since_us, until_us=until_us, before=before_seq)
        if text:
            return self._search(nfc(text), conditions, values, within=within, limit=limit)
        return self._select(_all(conditions), values, limit=limit, within=within)

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

    def by_ids(self, trace_ids: Iterable[str]) -> dict[str, Trace]:
        """Return the newest call of each of these traces; unknown ones are left out."""
        ids, found = sorted(set(trace_ids)), {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            part = ids[start : start + _IDS_AT_ONCE]
            for trace in self._select(order=OLDEST, within=Within(ids=part)):
                found[trace.id] = trace
        return found

    def counts(self, since_us: int = 0) -> Counts:
        """Count calls by outcome since a moment."""
        within = Within(since_us=since_us)
        rows = self.records.aggregate("calls", "count(*)", by=("outcome",), within=within)
        outcomes: dict[str, int] = dict(sorted(rows))
        failed = sum(outcomes.get(name, 0) for name in FAILED)
        return Counts(sum(outcomes.values()), failed, outcomes)

    def stats(self, since_us: int = 0, until_us: int | None = None) -> tuple[Stat, ...]:
        """Return calls, errors and latencies by channel and release in a window of time."""
        window = Within(since_us=since_us, until_us=until_us)
        rows = self.records.aggregate(
            "calls", _STATS, by=("channel", "release"), order="1, 2", within=window
        )
        return tuple(Stat(*row) for row in rows)

    def traffic(self, by: By, since_us: int) -> tuple[Traffic, ...]:
        """Return what was called since a moment, by channel, target or key: the busiest first."""
        return traffic(self.records, by, since_us)

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
        self, *, by: Sequence[str], since_us: int = 0, until_us: int | None = None
    ) -> Sequence[tuple[tuple[Any, ...], Spent]]:
        """Return what calls cost, summed by columns of the rollup (`day` is 2026-11-01).

        The window is widened to whole hours of the calls' beginnings.
        """
        names = ", ".join(_SPEND_BY[name] for name in by)
        end = _END if until_us is None else until_us
        rows = self._rows(
            f"SELECT {names}, {_SPEND_SUMS} FROM spend WHERE hour >= ? AND hour < ? "  # noqa: S608
            f"GROUP BY {', '.join(map(str, range(1, len(by) + 1)))}",
            [since_us // HOUR_US, -(-end // HOUR_US)],
        )
        return [(row[: len(by)], Spent(*row[len(by) :])) for row in rows]

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

    def _search(
        self, text: str, conditions: Sequence[str], values: Sequence[Any],
        *, within: Within, limit: int,
    ) -> tuple[Trace, ...]:  # fmt: skip
        """Scan in pieces, newest first, so that no look at the file takes long."""
        found: list[Trace] = []
        needle = text.casefold()
        where = _all([*conditions, _HAS])
        first, newest = self.records.bounds("calls")
        end = newest + 1 if within.before is None else min(within.before, newest + 1)
        while end > first and len(found) < limit:
            start = max(0, end - _SCAN_ROWS)
            piece = replace(within, after=start - 1, before=end)
            left = limit - len(found)
            found += self._select(where, [*values, needle, needle], limit=left, within=piece)
            end = start
        return tuple(found)

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


_SPEND_BY = {
    **{
        name: name for name in ("key_id", "channel", "release", "model", "currency", "life", "held")
    },
    "group": '"group"',
    "day": "date(hour * 3600, 'unixepoch')",
}
_SPEND_SUMS = "sum(calls), sum(unpriced), sum(nano), sum(prompt_tokens), sum(completion_tokens)"
_SHOWN = ("seq", *COLUMNS)
_HAS = "(has(input_text, ?) OR has(output_text, ?))"
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


def _trace(row: tuple[Any, ...]) -> Trace:
    values = [*row]
    values[_TAGS] = json.loads(values[_TAGS])
    values[_STREAMED] = bool(values[_STREAMED])
    return Trace(*values)


def _unsqueeze(body: bytes | None) -> bytes:
    return b"" if body is None else zstandard.ZstdDecompressor().decompress(body)
