"""Sessions: the conversations that calls and spans belong to, and what was said in each.

A session is a word that applications send along (`x-volano-session`, or an
attribute of a span); a turn of it is one trace. Sums are taken over the newest
rows of a session only: one with very many answers as soon as any other.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard

from volano.traces import gathered
from volano.traces.conversation import Messages, Said, asked, fresh, told, without_repeats
from volano.traces.errors import UnknownSessionError
from volano.traces.hot import reading
from volano.traces.sealed.records import Records

SUMMED = 1000
"""So many of the newest rows of a session, calls and spans each, are summed."""
STEPS_A_TURN = 40
"""So many model calls of one turn are read for what was said."""
_MODEL_KIND = "llm"


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation. `whole` is False where there is more than was summed: then all are at least.

    `turns` are traces, `nano` what they cost by currency, `scores` how often
    feedback was good, and how often it was given.
    """

    id: str
    last_us: int
    unit: str
    turns: int
    failed: int
    nano: dict[str, int]
    whole: bool
    traces: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class TurnOf:
    """One turn: its trace, and what was said in it that had not been said before."""

    trace_id: str
    began_us: int
    latency_us: int
    outcome: str
    release: str
    said: Messages
    nano: dict[str, int]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """A part of a session's turns in order; go on with `after` = `following`."""

    session: str
    total: int
    turns: tuple[TurnOf, ...]
    following: str | None


class Sessions:
    """Reads sessions. A file that is not there yet holds none."""

    def __init__(self, hot_path: Path, records: Records | None = None):
        self._path = hot_path
        self._records = records or Records(hot_path)

    def list(self, *, limit: int = 20, before: str | None = None) -> tuple[Session, ...]:
        """Return the sessions seen last first; go on with `before` = the last one's `last_us`:`id`."""
        at, _, name = (before or "").partition(":")
        where, values = "", []
        if at.isascii() and at.isdigit() and len(at) < 19:
            where, values = "WHERE (last_us, session) < (?, ?)", [int(at), name]
        sql = f"SELECT session, last_us FROM sessions {where} ORDER BY last_us DESC, session DESC LIMIT ?"  # noqa: S608
        return tuple(self._summed(*row) for row in self._rows(sql, [*values, limit]))

    def get(self, session: str) -> Session:
        """Return one session.

        Raises:
            UnknownSessionError: no call and no span named it.
        """
        found = self._rows("SELECT session, last_us FROM sessions WHERE session = ?", [session])
        if not found:
            raise UnknownSessionError(session=session[:200])
        return self._summed(*found[0])

    def show(self, session: str, *, limit: int = 20, after: str | None = None) -> Conversation:
        """Return turns of a session in order, with what was said first in each.

        Raises:
            UnknownSessionError: no call and no span named it.
        """
        self.get(session)
        at, _, name = (after or "").partition(":")
        began = int(at) if at.isascii() and at.isdigit() and len(at) < 19 else -1
        with gathered.session(self._path, self._records, session) as conn:
            total = conn.execute(_TOTAL, [session, session]).fetchone()[0] if conn else 0
            page = conn.execute(
                f"{_TRACES} HAVING (min(at), id) > (?, ?) ORDER BY 2, 1 LIMIT ?",
                [session, session, began, name, limit + 1],
            ).fetchall() if conn else []  # fmt: skip
        history = self._history(session, began, name) if after else ()
        turns = []
        for trace_id, at_us in page[:limit]:
            turn, history = self._turn(trace_id, at_us, history)
            turns.append(turn)
        last = f"{turns[-1].began_us}:{turns[-1].trace_id}" if len(page) > limit else None
        return Conversation(session, total, tuple(turns), last)

    def _history(self, session: str, began: int, name: str) -> Messages:
        """Return what was said up to the turn before the page: its requests repeat it."""
        with gathered.session(self._path, self._records, session) as conn:
            found = conn.execute(
                f"{_TRACES} HAVING (min(at), id) <= (?, ?) ORDER BY 2 DESC, 1 DESC LIMIT 1",
                [session, session, began, name],
            ).fetchall() if conn else []  # fmt: skip
        return self._turn(found[0][0], found[0][1], ())[1] if found else ()

    def _turn(self, trace_id: str, at_us: int, history: Messages) -> tuple[TurnOf, Messages]:
        """Return a turn, and the history with it."""
        steps = self._model_steps(trace_id)
        shown: set[Said] = set()
        said: list[Said] = []
        for step in steps:
            new = without_repeats(fresh((*history, *said), step.asked), shown)
            said += [*new, *without_repeats(step.answered, shown)]
        history = max([(*history, *said), *(s.asked + s.answered for s in steps[-1:])], key=len)
        first, last = steps[0] if steps else _NOTHING, steps[-1] if steps else _NOTHING
        nano: dict[str, int] = {}
        for step in steps:
            if step.currency and step.nano is not None:
                nano[step.currency] = nano.get(step.currency, 0) + step.nano
        failed = next((step for step in steps if step.outcome != "ok"), None)
        turn = TurnOf(
            trace_id, at_us, max(0, last.ended_us - first.began_us),
            failed.outcome if failed else "ok", last.release, tuple(said), nano,
            failed.error if failed else None,
        )  # fmt: skip
        return turn, history[-_LONGEST:]

    def _model_steps(self, trace_id: str) -> Sequence["_Asked"]:
        """Return the calls of models in a trace; of a span and the call that it made only the call."""
        with gathered.trace(self._path, self._records, trace_id) as conn:
            if conn is None:
                return ()
            limit = [trace_id, STEPS_A_TURN]
            calls = conn.execute(f"{_CALLS} ORDER BY seq LIMIT ?", limit).fetchall()
            spans = conn.execute(_SPANS, [trace_id, _MODEL_KIND, STEPS_A_TURN]).fetchall()
            if not calls and not spans:
                spans = conn.execute(_ROOT_SPAN, [trace_id]).fetchall()
        seen_by_us = {row[1] for row in calls}
        found = [_of_span(row) for row in spans if row[0] not in seen_by_us]
        found += [_of_call(row) for row in calls]
        return sorted(found, key=lambda step: step.began_us)

    def _summed(self, session: str, last_us: int) -> Session:
        with gathered.session(self._path, self._records, session) as conn:
            rows = [
                conn.execute(sql, [session, SUMMED + 1]).fetchall() if conn else []
                for sql in (_SUM_CALLS, _SUM_SPANS)
            ]
        whole = all(len(part) <= SUMMED for part in rows)
        calls, spans = (part[:SUMMED] for part in rows)
        nano: dict[str, int] = {}
        own = {row[0] for row in calls}
        for row in (*calls, *(row for row in spans if row[0] not in own)):
            if row[4]:
                nano[row[4]] = nano.get(row[4], 0) + (row[3] or 0)
        both = [*calls, *spans]
        traces = dict.fromkeys(row[0] for row in both)
        failed = {row[0] for row in both if row[2] in ("error", "cut")}
        unit = next((row[1] for row in both if row[1] and row[1] != row[0]), "")
        return Session(session, last_us, unit, len(traces), len(failed), nano, whole, tuple(traces))

    def _rows(self, sql: str, values: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        with reading(self._path) as conn:
            if conn is None or not conn.execute(_THERE).fetchone():
                return []
            return conn.execute(sql, values).fetchall()


@dataclass(frozen=True, slots=True)
class _Asked:
    """A model's call, as far as a conversation needs it."""

    began_us: int
    ended_us: int
    outcome: str
    error: str | None
    release: str
    asked: Messages
    answered: Messages
    nano: int | None
    currency: str | None


_NOTHING = _Asked(0, 0, "ok", None, "", (), (), None, None)
_LONGEST = 2000


def _of_call(row: tuple[Any, ...]) -> _Asked:
    _, _, began, ended, outcome, error, release, asked_text, answer, nano, currency, request = row
    body = zstandard.ZstdDecompressor().decompress(request) if request else b""
    messages = asked(body) or ((Said("user", asked_text),) if asked_text else ())
    answered = (Said("assistant", answer),) if answer else ()
    return _Asked(began, ended, outcome, error, release, messages, answered, nano, currency)


def _of_span(row: tuple[Any, ...]) -> _Asked:
    _, _, began, ended, outcome, error, release, asked_text, answer, nano, currency, kept = row
    attributes = json.loads(zstandard.decompress(kept)).get("attributes", {}) if kept else {}
    messages = told("input", attributes) or _one("user", asked_text)
    answered = told("output", attributes)[:1] or _one("assistant", answer)
    return _Asked(began, ended, outcome, error, release, messages, answered, nano, currency)


def _one(role: str, text: str | None) -> Messages:
    return (Said(role, text),) if text else ()


def feedback_of(values: Iterable[float | None]) -> tuple[int, int]:
    """Return how many of these scores are good, and how many there are."""
    given = [value for value in values if value is not None]
    return sum(value >= _GOOD for value in given), len(given)


_GOOD = 0.5
_THERE = "SELECT 1 FROM sqlite_master WHERE name = 'sessions'"
_FIELDS = (
    "span_id, parent_span_id, began_us, ended_us, outcome, error, release, input_text, "
    "output_text, cost_nano, cost_currency"
)
_CALLS = f"SELECT {_FIELDS}, request FROM calls WHERE id = ?"  # noqa: S608
_SPANS = f"SELECT {_FIELDS}, attributes FROM spans WHERE id = ? AND kind = ? ORDER BY seq LIMIT ?"  # noqa: S608
_ROOT_SPAN = f"SELECT {_FIELDS}, attributes FROM spans WHERE id = ? ORDER BY began_us LIMIT 1"  # noqa: S608
_TRACES = """
SELECT id, min(at) FROM (
  SELECT id, began_us AS at FROM calls WHERE session = ? AND session <> ''
  UNION ALL SELECT id, began_us FROM spans WHERE session = ? AND session <> ''
) GROUP BY id"""
_TOTAL = f"SELECT count(*) FROM ({_TRACES})"  # noqa: S608
_SUMS = """
SELECT id, unit, outcome, cost_nano, cost_currency FROM {}
WHERE session = ? AND session <> '' ORDER BY began_us DESC LIMIT ?"""
_SUM_CALLS, _SUM_SPANS = _SUMS.format("calls"), _SUMS.format("spans")
