"""Traces: the reading side of the records. Each verb is one or a few short looks at the file."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import zstandard

from volano.core.text import nfc
from volano.traces.aside import Loss
from volano.traces.errors import UnknownTraceError
from volano.traces.hot import reading
from volano.traces.spend import Used, spend, used
from volano.traces.tables import SELECT_CALL
from volano.traces.trace import FAILED, Bodies, Counts, Spent, Stat, Trace
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
        return self._select("id = ? ORDER BY seq", [trace_id])

    def bodies(self, trace: Trace) -> Bodies:
        """Return the bodies of a call, byte for byte.

        Raises:
            UnknownTraceError: the call is not there any more.
        """
        rows = self._rows("SELECT request, response FROM calls WHERE seq = ?", [trace.seq])
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
        limit: int = 50,
        before_seq: int | None = None,
    ) -> tuple[Trace, ...]:
        """Return the newest calls first; go on with `before_seq` = the last one's `seq`.

        `outcome="failed"` means error or cut. `text` is looked for in question
        and answer, in any language, upper and lower case alike.
        """
        conditions, values = _equals(
            channel=channel, release=release, key_id=key_id, group=group, rollout=rollout,
            target=target, model=model,
        )  # fmt: skip
        if outcome is not None:
            conditions += [_ERRORS if outcome == "failed" else "outcome = ?"]
            conditions += [] if outcome == "ok" else ["outcome <> 'ok'"]  # lets its index be used
            values += [] if outcome == "failed" else [outcome]
        for condition, bound in (("began_us >= ?", since_us), ("began_us < ?", until_us)):
            if bound is not None:
                conditions.append(condition)
                values.append(bound)
        end = _END if before_seq is None else before_seq
        if text:
            return self._search(nfc(text), conditions, values, end=end, limit=limit)
        where = " AND ".join(["seq < ?", *conditions])
        return self._select(f"{where} ORDER BY seq DESC LIMIT ?", [end, *values, limit])

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
        where = " AND ".join(["seq > ?", *conditions])
        return self._select(f"{where} ORDER BY seq LIMIT ?", [seq, *values, limit])

    def by_ids(self, trace_ids: Iterable[str]) -> dict[str, Trace]:
        """Return the newest call of each of these traces; unknown ones are left out."""
        ids, found = sorted(set(trace_ids)), {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            part = ids[start : start + _IDS_AT_ONCE]
            marks = ", ".join("?" * len(part))
            for trace in self._select(f"id IN ({marks}) ORDER BY seq", part):
                found[trace.id] = trace
        return found

    def counts(self, since_us: int = 0) -> Counts:
        """Count calls by outcome since a moment."""
        rows = self._rows(
            "SELECT outcome, count(*) FROM calls WHERE began_us >= ? GROUP BY outcome", [since_us]
        )
        outcomes = dict(sorted(rows))
        failed = sum(outcomes.get(name, 0) for name in FAILED)
        return Counts(sum(outcomes.values()), failed, outcomes)

    def stats(self, since_us: int = 0, until_us: int | None = None) -> tuple[Stat, ...]:
        """Return calls, errors and latencies by channel and release in a window of time."""
        window = [since_us, _END if until_us is None else until_us]
        sums = self._rows(_SUMS, window)
        latency = {row[:2]: row[2:] for row in self._rows(_QUANTILES.format("latency_us"), window)}
        ttft = {row[:2]: row[2:] for row in self._rows(_FIRST_TOKEN, window)}
        return tuple(
            _stat(row, latency.get(row[:2], _NONE), ttft.get(row[:2], _NONE)) for row in sums
        )

    def traffic(self, by: By, since_us: int) -> tuple[Traffic, ...]:
        """Return what was called since a moment, by channel, target or key: the busiest first."""
        return traffic(self._rows, by, since_us)

    def stretches(self, since_us: int, each_us: int) -> tuple[Stretch, ...]:
        """Count calls by stretches of time of this length; quiet ones are left out."""
        return stretches(self._rows, since_us, each_us)

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
        return spend(self._rows, by, since_us=since_us, until_us=until_us, of=of)

    def used(
        self, *, since_us: int, until_us: int | None = None, of: Mapping[str, str] | None = None
    ) -> Iterable[Used]:
        """Return what calls used, those with equal usage counted together."""
        return used(self._rows, since_us=since_us, until_us=until_us, of=of)

    def losses(self, limit: int = 50) -> tuple[Loss, ...]:
        """Return the pieces of the spool that could not become records, newest first."""
        rows = self._rows(
            'SELECT at_us, segment, start, "end", why, aside FROM losses ORDER BY seq DESC LIMIT ?',
            [limit],
        )
        return tuple(Loss(*row) for row in rows)

    def _search(
        self, text: str, conditions: Sequence[str], values: Sequence[Any], *, end: int, limit: int
    ) -> tuple[Trace, ...]:
        """Scan in pieces, newest first, so that no look at the file takes long."""
        found: list[Trace] = []
        where = " AND ".join(["seq >= ? AND seq < ?", *conditions, _HAS])
        needle = text.casefold()
        end = min(end, self._newest() + 1)
        while end > 0 and len(found) < limit:
            start = max(0, end - _SCAN_ROWS)
            found += self._select(
                f"{where} ORDER BY seq DESC LIMIT ?",
                [start, end, *values, needle, needle, limit - len(found)],
            )
            end = start
        return tuple(found)

    def _newest(self) -> int:
        rows = self._rows("SELECT max(seq) FROM calls", [])
        return (rows[0][0] or 0) if rows else 0

    def _select(self, where: str, values: Sequence[Any]) -> tuple[Trace, ...]:
        return tuple(map(_trace, self._rows(f"{SELECT_CALL} WHERE {where}", values)))

    def _rows(self, sql: str, values: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        with reading(self._path) as conn:
            if conn is None:
                return []
            conn.create_function("has", 2, _has, deterministic=True)
            return conn.execute(sql, values).fetchall()


_NONE = (None, None)
_HAS = "(has(input_text, ?) OR has(output_text, ?))"

_SUMS = """
SELECT channel, release, count(*), sum(outcome IN ('error', 'cut')),
       coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0)
FROM calls WHERE began_us >= ? AND began_us < ? GROUP BY channel, release ORDER BY 1, 2
"""

_QUANTILES = """
SELECT channel, release, max(v) FILTER (WHERE rank = (n + 1) / 2),
       max(v) FILTER (WHERE rank = (95 * n + 99) / 100)
FROM (SELECT channel, release, {0} AS v,
             row_number() OVER (PARTITION BY channel, release ORDER BY {0}) AS rank,
             count(*) OVER (PARTITION BY channel, release) AS n
      FROM calls
      WHERE began_us >= ? AND began_us < ? AND outcome = 'ok' AND {0} IS NOT NULL)
GROUP BY channel, release
"""
_FIRST_TOKEN = _QUANTILES.format("ttft_us").replace("IS NOT NULL", "IS NOT NULL AND streamed")


def _equals(**wanted: str | None) -> tuple[list[str], list[Any]]:
    given = {name: value for name, value in wanted.items() if value is not None}
    return [f'"{name}" = ?' for name in given], [*given.values()]


def _has(text: str | None, needle: str) -> bool:
    return text is not None and needle in text.casefold()


def _trace(row: tuple[Any, ...]) -> Trace:
    values = [*row]
    values[_TAGS] = json.loads(values[_TAGS])
    values[_STREAMED] = bool(values[_STREAMED])
    return Trace(*values)


def _stat(row: tuple[Any, ...], latency: tuple[Any, ...], ttft: tuple[Any, ...]) -> Stat:
    return Stat(*row[:4], *latency, *ttft, *row[4:])


def _unsqueeze(body: bytes | None) -> bytes:
    return b"" if body is None else zstandard.ZstdDecompressor().decompress(body)
