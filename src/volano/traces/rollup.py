"""The rollup: sums and latency sketches of calls and spans by ten seconds, minute and hour.

The recorder adds what is new in the transaction that writes the rows, once a batch;
`rolled` says up to which `seq`, so that a row counts once, whoever is killed. A row
counts when it ended: what was under way could not be counted, and a call that ran
into its limit of an hour fails now. A row that comes late lands in its own minute.

Each level is kept for a while; the hours, made of the same rows, stay when the
minutes go. What was called with which names is a *series*; names come from outside,
so that beyond `MOST_SERIES` the new ones are counted without them.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import ceil, log
from typing import Any, TypeVar

from volano.stats.sketch import Sketch, bucket
from volano.traces.trace import SHADOW

DAY_S = 86_400
TENS = 10
KEPT_S = {TENS: 2 * 3600, 60: 3 * DAY_S, 3600: 400 * DAY_S}
"""Widths in seconds, and how long each is kept."""
MOST_SERIES = 20_000
OTHER = "(other)"

DIMENSIONS = (
    *("source", "kind", "service", "channel", "release", "model", "key_id", "group"),
    *("target", "provider", "environment", "outcome", "status"),
)
"""What sums can be asked by. `source`: call, shadow (copies of calls) or span; `status` is HTTP's, 0 for spans."""

_COLUMNS = ", ".join(f'"{name}"' for name in DIMENSIONS)
_EQUAL = " AND ".join(f'"{name}" = ?' for name in DIMENSIONS)

SERIES = f"""
CREATE TABLE series (
  id INTEGER PRIMARY KEY,
  {", ".join(f'"{name}" {"INTEGER" if name == "status" else "TEXT"} NOT NULL' for name in DIMENSIONS)},
  UNIQUE ({_COLUMNS})
) STRICT
"""
ROLLUPS = """
CREATE TABLE rollups (
  width_s INTEGER NOT NULL, at_s INTEGER NOT NULL, series INTEGER NOT NULL,
  count INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
  busy_us INTEGER NOT NULL, latency BLOB, ttft BLOB,
  PRIMARY KEY (width_s, at_s, series)
) STRICT, WITHOUT ROWID
"""
"""`at_s` is when the stretch begins; `busy_us` the sum of latencies; sketches are of
microseconds, and the ten seconds, which only counts are asked of, have none."""
COSTS = """
CREATE TABLE rollup_costs (
  width_s INTEGER NOT NULL, at_s INTEGER NOT NULL, series INTEGER NOT NULL, currency TEXT NOT NULL,
  nano INTEGER NOT NULL, PRIMARY KEY (width_s, at_s, series, currency)
) STRICT, WITHOUT ROWID
"""
ROLLED = "CREATE TABLE rolled (source TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT"

_OF_CALL = {
    "source": f"iif({{0}}arm = '{SHADOW}', '{SHADOW}', 'call')", "kind": "''", "service": "''",
    "channel": "iif({0}outcome = 'refused' AND {0}release = '', '', {0}channel)",
}  # fmt: skip
_OF_SPAN = {"source": "'span'", "channel": "''", "target": "''", "status": "0"}


def _of(own: dict[str, str], row: str = "") -> list[str]:
    return [own.get(name, '{0}"' + name + '"').format(row) for name in DIMENSIONS]


MEASURED = ("ended_us", "latency_us", "ttft_us", "prompt_tokens", "completion_tokens", "cost_nano",
            "cost_currency")  # fmt: skip
"""What `summed` wants of a row, in this order; the names of its series come behind."""
_MEASURED = (
    "ended_us, latency_us, {ttft}, coalesce(prompt_tokens, 0), coalesce(completion_tokens, 0), "
    "cost_nano, cost_currency"
)
_NEW = {
    "call": f"SELECT {_MEASURED.format(ttft='iif(streamed, ttft_us, NULL)')}, "  # noqa: S608
    f"{', '.join(_of(_OF_CALL))} FROM calls WHERE seq > ? AND seq <= ?",
    "span": f"SELECT {_MEASURED.format(ttft='ttft_us')}, "  # noqa: S608 - constants
    f"{', '.join(_of(_OF_SPAN))} FROM spans WHERE seq > ? AND seq <= ?",
}
_NEWEST = {
    "call": "SELECT coalesce(max(seq), 0) FROM calls",
    "span": "SELECT coalesce(max(seq), 0) FROM spans",
}
MOST = (1 << 53) - 1
"""No sum grows beyond it: strangers may say any count, and a sum of sums must fit 64 bits too."""
_ADD = f"""
INSERT INTO rollups VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
  count = count + excluded.count,
  prompt_tokens = min({MOST}, prompt_tokens + excluded.prompt_tokens),
  completion_tokens = min({MOST}, completion_tokens + excluded.completion_tokens),
  busy_us = min({MOST}, busy_us + excluded.busy_us),
  latency = sketch_merge(latency, excluded.latency), ttft = sketch_merge(ttft, excluded.ttft)
"""  # noqa: S608 - constants
_COST = f"""
INSERT INTO rollup_costs VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET nano = min({MOST}, nano + excluded.nano)
"""  # noqa: S608 - constants


def _moved(row: str, sign: str) -> str:
    """Add or take away a row's cost at each level."""
    names = f"SELECT id FROM series WHERE ({_COLUMNS}) = ({', '.join(_of(_OF_CALL, row + '.'))})"  # noqa: S608
    return "".join(
        f"INSERT INTO rollup_costs SELECT {width}, {row}.ended_us / {width}000000 * {width}, "  # noqa: S608
        f"series.id, {row}.cost_currency, {sign}{row}.cost_nano FROM ({names}) AS series "
        f"WHERE {row}.cost_nano IS NOT NULL AND {row}.cost_currency IS NOT NULL "
        "ON CONFLICT DO UPDATE SET nano = nano + excluded.nano;\n"
        for width in KEPT_S
    )


COST_OF_PRICE = f"""
CREATE TRIGGER rollup_of_price AFTER UPDATE OF cost_nano, cost_currency ON calls
WHEN NEW.seq <= (SELECT seq FROM rolled WHERE source = 'call') BEGIN
{_moved("OLD", "-")}{_moved("NEW", "")}END
"""  # noqa: S608 - constants
"""A call that is priced anew moves its cost, at every level."""

TABLES = (
    SERIES, ROLLUPS, COSTS, ROLLED, "INSERT INTO rolled VALUES ('call', 0), ('span', 0)",
    COST_OF_PRICE,
)  # fmt: skip

_MOST_ROWS = 50_000
_TIDY_EVERY_US = 60_000_000
_TENS_US = TENS * 1_000_000
_INVERSE = 1 / log(1.01 / 0.99)

Key = tuple[int, tuple[Any, ...]]
T = TypeVar("T")


class Sum:
    """What is summed of one series in one stretch of time."""

    __slots__ = ("busy_us", "completion", "count", "latency", "nano", "prompt", "ttft")

    def __init__(self) -> None:
        self.count = self.prompt = self.completion = self.busy_us = 0
        self.latency: dict[int | None, int] = {}
        self.ttft: dict[int | None, int] = {}
        self.nano: dict[str, int] = {}

    def add(self, other: "Sum") -> None:
        """Add what another stretch has."""
        self.count += other.count
        self.prompt += other.prompt
        self.completion += other.completion
        self.busy_us += other.busy_us
        _pour(self.latency, other.latency)
        _pour(self.ttft, other.ttft)
        _pour(self.nano, other.nano)


class Rollup:
    """Adds new rows to the sums, inside the recorder's transaction."""

    def __init__(self, *, most_series: int = MOST_SERIES) -> None:
        self._most_series = most_series
        self._tidied_us = 0

    def mark(self, conn: sqlite3.Connection) -> None:
        """Before rows are written: numbers of rows that were taken away may come again."""
        for source, newest in _NEWEST.items():
            conn.execute(
                f"UPDATE rolled SET seq = ({newest}) WHERE source = ? AND seq > ({newest})",  # noqa: S608
                (source,),
            )

    def add(
        self, conn: sqlite3.Connection, now_us: int, spans: tuple[int, dict[Key, Sum]] | None = None
    ) -> None:
        """After rows were written: sum those that are not in the sums yet, up to a batch.

        `spans` are the sums of so many spans that were written just now, where they are known.
        """
        conn.create_function("sketch_merge", 2, _merge, deterministic=True)
        rolled = dict(conn.execute("SELECT source, seq FROM rolled").fetchall())
        for source, since in rolled.items():
            newest = conn.execute(_NEWEST[source]).fetchone()[0]
            if newest > since:
                last = min(newest, since + _MOST_ROWS)
                if source == "span" and spans is not None and spans[0] == newest - since:
                    last, sums = newest, spans[1]
                else:
                    sums = summed(conn.execute(_NEW[source], (since, last)))
                self._write(conn, sums)
                conn.execute("UPDATE rolled SET seq = ? WHERE source = ?", (last, source))
        if abs(now_us - self._tidied_us) > _TIDY_EVERY_US:
            self._tidied_us = now_us
            _tidy(conn, now_us // 1_000_000)

    def _write(self, conn: sqlite3.Connection, tens: dict[Key, Sum]) -> None:
        ids = _ids(conn, {names for _, names in tens}, self._most_series)
        sums: dict[tuple[int, int, int], Sum] = {}
        for (at, names), one in tens.items():
            if (known := sums.setdefault((TENS, at * TENS, ids[names]), one)) is not one:
                known.add(one)  # both are nameless
        for finer, coarser in pairwise(KEPT_S):
            for (width, at_s, series), one in [*sums.items()]:
                if width == finer:
                    key = (coarser, at_s // coarser * coarser, series)
                    sums.setdefault(key, Sum()).add(one)
        conn.executemany(
            _ADD, [(*key, *_values(one, sketches=key[0] > TENS)) for key, one in sums.items()]
        )
        conn.executemany(
            _COST,
            [
                (*key, name, min(MOST, nano))
                for key, one in sums.items()
                for name, nano in one.nano.items()
            ],
        )


def pour(mine: dict[Key, Sum], more: dict[Key, Sum]) -> None:
    """Add sums to sums."""
    for key, one in more.items():
        if (known := mine.setdefault(key, one)) is not one:
            known.add(one)


def _pour(mine: dict[T, int], more: dict[T, int]) -> None:
    for key, count in more.items():
        mine[key] = mine.get(key, 0) + count


def summed(rows: Iterable[tuple[Any, ...]]) -> dict[Key, Sum]:
    """Sum rows by ten seconds and names: this is passed by every call, so it is written flat."""
    found: dict[Key, Sum] = {}
    for row in rows:
        key = (row[0] // _TENS_US, row[7:])
        one = found.get(key)
        if one is None:
            one = found[key] = Sum()
        one.count += 1
        latency = row[1]
        one.busy_us += latency
        index = ceil(log(latency) * _INVERSE) if latency > 0 else None
        one.latency[index] = one.latency.get(index, 0) + 1
        if row[2] is not None:
            index = bucket(row[2])
            one.ttft[index] = one.ttft.get(index, 0) + 1
        one.prompt += row[3] or 0
        one.completion += row[4] or 0
        if row[5] is not None and row[6] is not None:
            one.nano[row[6]] = one.nano.get(row[6], 0) + row[5]
    return found


def _values(one: Sum, *, sketches: bool) -> tuple[Any, ...]:
    ttft = Sketch.counted(one.ttft).to_bytes() if sketches and one.ttft else None
    latency = Sketch.counted(one.latency).to_bytes() if sketches else None
    counts = (min(MOST, n) for n in (one.prompt, one.completion, one.busy_us))
    return one.count, *counts, latency, ttft


def _ids(
    conn: sqlite3.Connection, names: set[tuple[Any, ...]], most: int
) -> dict[tuple[Any, ...], int]:
    """Return the numbers of these series; new ones get one while there is room."""
    found, new = {}, []
    for one in names:
        row = conn.execute(f"SELECT id FROM series WHERE {_EQUAL}", one).fetchone()  # noqa: S608
        if row is None:
            new.append(one)
        else:
            found[one] = row[0]
    room = most - conn.execute("SELECT count(*) FROM series").fetchone()[0] if new else 0
    for n, one in enumerate(new):
        found[one] = _id(conn, one if n < room else _nameless(one))
    return found


def _id(conn: sqlite3.Connection, names: Sequence[Any]) -> int:
    marks = ", ".join("?" * len(DIMENSIONS))
    conn.execute(f"INSERT OR IGNORE INTO series VALUES (NULL, {marks})", names)  # noqa: S608
    return int(conn.execute(f"SELECT id FROM series WHERE {_EQUAL}", names).fetchone()[0])  # noqa: S608


def _nameless(names: Sequence[Any]) -> tuple[Any, ...]:
    told = {"source", "outcome", "status"}
    return tuple(
        value if name in told else OTHER for name, value in zip(DIMENSIONS, names, strict=True)
    )


def _tidy(conn: sqlite3.Connection, now_s: int) -> None:
    """Let go what is older than its level is kept, and series that nothing is left of."""
    gone = 0
    for width, kept_s in KEPT_S.items():
        old = (width, now_s - kept_s)
        gone += conn.execute("DELETE FROM rollups WHERE width_s = ? AND at_s < ?", old).rowcount
        conn.execute("DELETE FROM rollup_costs WHERE width_s = ? AND at_s < ?", old)
    if gone and conn.execute("SELECT count(*) FROM series").fetchone()[0] > MOST_SERIES // 2:
        conn.execute("DELETE FROM series WHERE id NOT IN (SELECT series FROM rollups)")


def _merge(one: bytes | None, other: bytes | None) -> bytes | None:
    if one is None or other is None:
        return other if one is None else one
    sketch = Sketch.from_bytes(one)
    sketch.take(other)
    return sketch.to_bytes()
