"""Evaluators: the verbs. Say what is looked at, see how it goes and what came of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Row

from volano.access.moment import duration_us, moment_us
from volano.core.clock import Clock
from volano.core.errors import InvalidError, VolanoError
from volano.core.money import Money
from volano.core.noted import Noted
from volano.core.principal import Principal
from volano.evals.judges.calibration import Kept
from volano.evals.judges.correcting import Scored, corrected_mean
from volano.evals.scoring import AS
from volano.monitor.amount import span
from volano.monitor.evaluators import estimates
from volano.monitor.evaluators.book import Book, Evaluation
from volano.monitor.evaluators.errors import (
    BadEvaluatorError,
    NothingToBackfillError,
    UnknownScoreError,
)
from volano.monitor.evaluators.evaluator import MAX_BYTES, Evaluator, read
from volano.traces.keeper import Traces

DAY_US = 86_400 * 10**6
MOST_COUNTED = 2_000


class Checked(Protocol):
    """What is asked of the judges: how they agree with people."""

    def show(self, ref: str) -> dict[str, Any]:
        """Return what a judge asks, and its standing."""
        ...

    def labelled(self, check: str) -> Sequence[Kept]:
        """Return the rows of a check."""
        ...


class Evaluators:
    """The evaluators of one workspace. Their watch ticks in control; `trouble` is what it meets."""

    def __init__(
        self, book: Book, traces: Traces, judges: Checked, clock: Clock,
        trouble: Mapping[str, str],
    ):  # fmt: skip
        self._book, self._traces, self._judges = book, traces, judges
        self._clock, self._trouble = clock, trouble

    def add(
        self, path: Path | str | None = None, *, text: str | None = None, by: Principal
    ) -> Evaluator:
        """Begin to evaluate live calls, from a YAML file; another text of the same name is its next version.

        It looks at calls that are recorded from now on; past ones by `backfill`.

        Raises:
            BadEvaluatorError: a part of it is wrong; the message names it.
        """
        said = text if text is not None else _text(path)
        wanted = read(said)
        old = self._book.newest(wanted.name)
        if old is not None:
            wanted = read(said, seed=old.seed)
        for name, scorer in wanted.made():
            judge = str(getattr(scorer, "judge", "") or "")
            if judge:
                self._check_judge(name, judge)
        return self._book.save(wanted, self._newest(), by=by)

    def list(self) -> Sequence[dict[str, Any]]:
        """Return the evaluators, and how each goes."""
        return [self._status(one, place) for one, place in self._book.live()]

    def show(self, name: str) -> dict[str, Any]:
        """Return what an evaluator looks at, by what, and within which budget.

        Raises:
            UnknownEvaluatorError: there is none.
        """
        one, place = self._book.get(name)
        told = one.to_dict()
        times = {name: span(told.pop(f"{name}_us")) for name in ("lag", "wait")}
        return {**told, **times, "budget": _budget(one), "state": _state(place)}

    def status(self, name: str, *, last: str = "1d") -> dict[str, Any]:
        """Return how an evaluator goes: what was looked at, what was not and why, cost today, backlog.

        Raises:
            UnknownEvaluatorError, BadDurationError: as they say.
        """
        one, place = self._book.get(name)
        return self._status(one, place, duration_us(last))

    def scores(
        self, name: str, *, last: str = "7d", score: str = "", worst: int = 10
    ) -> dict[str, Any]:
        """Return what all calls would score, with intervals: the whole, by slice, over time, the worst.

        Raises:
            UnknownEvaluatorError, UnknownScoreError, BadDurationError: as they say.
        """
        one, _place = self._book.get(name)
        until = self._clock.now_us() + 1
        since = until - duration_us(last)
        rows = self._book.between(one.name, since, until)
        names = estimates.names_of(rows)
        if score and score not in names:
            raise UnknownScoreError(name=one.name, score=score[:60])
        wanted = {n: bigger for n, bigger in names.items() if score in ("", n)}
        found = [self._told(one, rows, n, since, until, worst, b) for n, b in wanted.items()]
        return {"evaluator": one.ref, "since_us": since, "until_us": until, "scores": found}

    def pause(self, name: str, *, by: Principal) -> dict[str, str]:
        """Look at nothing until it is resumed; calls meanwhile are not looked at later.

        Raises:
            UnknownEvaluatorError: there is none.
        """
        one, place = self._book.get(name)
        if place.paused_us is None:
            self._book.mark("pause", one.name, by=by, paused_us=self._clock.now_us())
        return {"name": one.name, "ref": one.ref}

    def resume(self, name: str, *, by: Principal) -> dict[str, str]:
        """Go on with what is recorded from now on; what passed meanwhile by `backfill`.

        Raises:
            UnknownEvaluatorError: there is none.
        """
        one, place = self._book.get(name)
        if place.paused_us is not None:
            self._book.mark("resume", one.name, by=by, paused_us=None, seq=self._newest())
        return {"name": one.name, "ref": one.ref}

    def remove(self, name: str, *, by: Principal) -> dict[str, str]:
        """End an evaluator; what it found stays, as feedback on the traces.

        Raises:
            UnknownEvaluatorError: there is none.
        """
        one, _place = self._book.get(name)
        self._book.mark("remove", one.name, by=by, removed_us=self._clock.now_us())
        return {"name": one.name, "ref": one.ref}

    def backfill(self, name: str, *, since: str, until: str = "", by: Principal) -> Noted:
        """Look at a past period too, with the same sample and within the same budget of each day.

        `since` and `until` are moments, or how long ago (7d).

        Raises:
            UnknownEvaluatorError, BadMomentError: as they say.
            NothingToBackfillError: the period is empty, or not past.
        """
        one, _place = self._book.get(name)
        now = self._clock.now_us()
        start, end = _ago(since, now), _ago(until, now) if until else now
        if not start < end <= now:
            raise NothingToBackfillError(since=since[:40], until=until[:40] or "now")
        made = self._book.begin(one.name, start, end, by=by)
        told = {"id": made.id, "name": one.name, "since_us": start, "until_us": end}
        return Noted(told, ("It is read from its newest call on, beside what comes in.",))

    # inside

    def _told(
        self, one: Evaluator, rows: Sequence[Evaluation], score: str, since: int, until: int,
        worst: int, bigger: bool,
    ) -> dict[str, Any]:  # fmt: skip
        found = estimates.sample(rows, score)
        poor = found.poor(bigger)
        return {
            "score": score, "metric": one.metric(score), "share": found.share, "bigger": bigger,
            **estimates.told(found.estimate()),
            "poor": poor and {"calls": poor.value, "low": poor.low, "high": poor.high},
            "lost": found.lost, "dark": found.dark, "unmeasured": found.unmeasured,
            "corrected": self._corrected(one, score, found),
            "by": estimates.by_slice(found, one.by, bigger),
            "over_time": estimates.over_time(found, since, until),
            "worst": estimates.worst(found, bigger, worst),
        }  # fmt: skip

    def _corrected(
        self, one: Evaluator, score: str, found: estimates.Sample
    ) -> dict[str, Any] | None:
        """Return what people would have said, where the judge was checked against them."""
        for spec in one.scorers:
            given = spec.get("judge") if isinstance(spec, dict) else None
            if not isinstance(given, dict):
                continue
            try:
                judge = self._judges.show(given["judge"])
            except VolanoError as error:
                return {"value": None, "why": error.message}
            name = given.get(AS) or judge["ref"].partition("@")[0]
            if score != name and not score.startswith(f"{name}/"):
                continue
            return self._by_check(judge["standing"], score, found)
        return None

    def _by_check(
        self, standing: Mapping[str, Any], score: str, found: estimates.Sample
    ) -> dict[str, Any]:
        if not standing.get("check"):
            return {"value": None, "why": standing["told"]}
        if len({round(p, 12) for p in found.probabilities}) > 1:
            why = "calls were drawn with several probabilities; a correction takes one"
            return {"value": None, "why": why, "check": standing["check"]}
        ids = [row.trace_id for row in found.rows]
        scored = Scored(
            dict(zip(ids, found.values, strict=True)),
            dict(zip(ids, [row.cluster for row in found.rows], strict=True)),
        )
        said = corrected_mean(score, self._judges.labelled(standing["check"]), scored)
        best = said.corrected
        told = {"check": standing["check"], "trusted": standing["trusted"], "notes": said.notes}
        if best is None:
            return {"value": None, "why": "too few labelled or judged rows", **told}
        return {"value": best.value, "low": best.low, "high": best.high, **told}

    def _status(self, one: Evaluator, place: Row[Any], last_us: int = DAY_US) -> dict[str, Any]:
        now = self._clock.now_us()
        rows = self._book.between(one.name, now - last_us, now + 1)
        states = Counter(row.state for row in rows)
        reasons = Counter(why for row in rows for why in row.unmeasured.values())
        today = self._book.today(one)
        costs = Counter[str]()
        for row in rows:
            if row.nano:
                costs[row.currency] += row.nano
        return {
            "ref": one.ref, "name": one.name, "state": _state(place), "sample": one.sample,
            "where": one.where, "evaluated": states["scored"], "budget_ended": states["budget"],
            "late": states["late"], "failed": states["failed"],
            "unmeasured": dict(reasons.most_common(10)), "seen_today": today["seen"],
            "calls_today": today["calls"], "calls_a_day": one.calls,
            "cost_today": str(Money(today["nano"], one.currency)) if one.nano is not None else "",
            "cost": [str(Money(nano, code)) for code, nano in sorted(costs.items())],
            "budget": _budget(one), "backlog": self._backlog(one, place.seq),
            "backfills": len(self._book.waiting(one.name)),
            "trouble": self._trouble.get(one.name, ""), "advice": _advice(one, states),
        }  # fmt: skip

    def _backlog(self, one: Evaluator, seq: int) -> int:
        """Count fitting calls that are not read yet, as far as 2,000."""
        page = self._traces.tail(where=one.where, after=f"{seq}-{1 << 62}", limit=MOST_COUNTED)
        return len(page.rows)

    def _newest(self) -> int:
        page = self._traces.tail()
        return int((page.next or "0-0").partition("-")[0])

    def _check_judge(self, scorer: str, judge: str) -> None:
        try:
            self._judges.show(judge)
        except VolanoError as error:
            raise BadEvaluatorError(part="scorers", why=f"{scorer}: {error.message}") from error


def _state(place: Row[Any]) -> str:
    return "paused" if place.paused_us is not None else "at work"


def _budget(one: Evaluator) -> str:
    calls = f"{one.calls} calls a day"
    return calls if one.nano is None else f"{calls}, {Money(one.nano, one.currency)} a day"


def _advice(one: Evaluator, states: Mapping[str, int]) -> str:
    """Return the sample that the budget would last for, where it ended."""
    lost, done = states.get("budget", 0), states.get("scored", 0)
    if not lost or not done:
        return ""
    share = float(f"{one.sample * done / (done + lost):.2g}")
    return f"The budget ended before the day: a sample of {share:g} would last."


def _ago(text: str, now: int) -> int:
    try:
        return now - duration_us(text)
    except InvalidError:
        return moment_us(text, now) or now


def _text(path: Path | str | None) -> str:
    if path is None:
        raise BadEvaluatorError(part="the file", why="there is none, and no text")
    with Path(path).open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadEvaluatorError(part="the file", why="it is not UTF-8") from error
