"""Reads the records of an experiment into its evidence: calls, then what was said of them.

What was said is joined to its unit as feedback joins its subjects: by trace, session, user or
own key. Feedback may be recorded a moment before its call: then it waits, for ten minutes and
among at most ten thousand. After a restart all calls are read first, and nothing has to wait.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from volano.feedback.join import Joined
from volano.feedback.record import Feedback
from volano.releases.experiment.evidence import Evidence
from volano.releases.rival import Rival
from volano.traces.trace import Trace

BATCH = 2000
WAITS_US = 600_000_000
MOST_WAITING = 10_000
_COUNTED = frozenset({"ok", "error", "cut"})


class Calls(Protocol):
    """What is asked of the traces."""

    def since(self, seq: int, *, rollout: str | None = None, limit: int = BATCH) -> Sequence[Trace]:
        """Return the calls of a rollout recorded after this `seq`, oldest first."""
        ...


class Said(Protocol):
    """What is asked of the feedback."""

    def since(self, seq: int, *, limit: int = BATCH) -> Sequence[Feedback]:
        """Return what was recorded after this `seq`, oldest first."""
        ...

    def joined(self, said: Sequence[Feedback]) -> Sequence[Joined]:
        """Return each with the place of its trace."""
        ...


class Reader:
    """How far the records of one experiment were read."""

    def __init__(self, rollout: str, channel: str, evidence: Evidence, *, calls: Calls, said: Said):
        self._rollout, self._channel = rollout, channel
        self._evidence, self._calls, self._said = evidence, calls, said
        measures = evidence.design.measures
        self._places = {one.name: n for n, one in enumerate(measures) if not one.of_calls}
        self._call_seq = self._said_seq = 0
        self._waiting: list[Feedback] = []

    def read(self, arms: Sequence[Rival], now_us: int) -> None:
        """Read what is new, and let units enter whose window is over by now."""
        fresh = self._read_calls(arms)
        if self._places:
            self._read_said(fresh, now_us)
        for n, one in enumerate(arms, 1):
            if one.out and n not in self._evidence.out:
                self._evidence.take_out(n, one.out)
        self._evidence.mature(now_us)

    def _read_calls(self, arms: Sequence[Rival]) -> bool:
        evidence, measures = self._evidence, self._evidence.design.measures
        known = {one.release: n for n, one in enumerate(arms, 1)}
        read = 0
        while True:
            page = self._calls.since(self._call_seq, rollout=self._rollout, limit=BATCH)
            for call in page:
                self._call_seq = call.seq
                arm = 0 if call.arm == "stable" else known.get(call.release)
                if arm is None or call.arm not in ("stable", "candidate") or call.replayed:
                    continue
                _leave(evidence, arms, call.began_us)
                evidence.expose(call.unit, arm, call.began_us)
                if call.outcome in _COUNTED and not (call.stopped or call.repeated):
                    values = [one.of_call(call) if one.of_calls else None for one in measures]
                    evidence.call(call.unit, arm, values, call.began_us)
            read += len(page)
            if len(page) < BATCH:
                return read > 0

    def _read_said(self, fresh: bool, now_us: int) -> None:
        if fresh and self._waiting:
            self._waiting = self._take(self._waiting)
        while True:
            page = self._said.since(self._said_seq, limit=BATCH)
            mine = [said for said in page if said.name in self._places]
            self._waiting += self._take(mine)
            if page:
                self._said_seq = page[-1].seq
            if len(page) < BATCH:
                break
        oldest = now_us - WAITS_US
        self._waiting = [said for said in self._waiting if said.at_us > oldest][-MOST_WAITING:]

    def _take(self, said: Sequence[Feedback]) -> list[Feedback]:
        """Take what belongs to a known unit; return what belongs to nobody known (yet)."""
        left = []
        for one, unit in self._units(said):
            place = self._places[one.name]
            value = (
                None if one.retracted else self._evidence.design.measures[place].of_feedback(one)
            )
            if value is None and not one.supersedes:
                continue
            if unit is None or not self._evidence.judge(unit, place, one.thread, value, one.at_us):
                left.append(one)
        return left

    def _units(self, said: Sequence[Feedback]) -> Iterable[tuple[Feedback, str | None]]:
        """Yield each with the unit it is about; None where its call is not recorded."""
        for voice in self._said.joined(said) if said else ():
            one, place = voice.feedback, voice.place
            if one.level == self._evidence.design.unit:
                yield one, one.subject
            elif place is not None and place.channel in ("", self._channel):
                yield one, place.unit
            elif voice.waits:
                yield one, None


def _leave(evidence: Evidence, arms: Sequence[Rival], at_us: int) -> None:
    """Take arms out at the moment when they were: what came before still counts."""
    for n, one in enumerate(arms, 1):
        if one.out_us is not None and at_us >= one.out_us and n not in evidence.out:
            evidence.take_out(n, one.out)
