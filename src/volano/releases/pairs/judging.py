"""Has a judge score both answers of each pair, in the background, within the step's budget.

A judge sees one answer at a time and not whose it is (a rubric), or both, in either order (a
pairwise judge). Two answers that say the same are judged once. Of each unit one pair is judged:
more would count for nothing. The scores are feedback on both traces, and nothing else is
evidence: a program that gives such feedback is as good.

A claim that is found without scores when control begins was perhaps paid for: it is lost, and
not asked again.
"""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Protocol

from volano.core.clock import Clock
from volano.core.errors import NotFoundError, UnavailableError, VolanoError
from volano.evals.judges.judge import Judge
from volano.monitor.evaluators.book import Book, Evaluation
from volano.monitor.evaluators.evaluator import Evaluator
from volano.monitor.evaluators.looking import Around, Looking
from volano.monitor.evaluators.spending import SpentError
from volano.monitor.evaluators.watch import Voice
from volano.releases.keeper import Releases
from volano.releases.pairs.asking import ASKING, LOST, Asking
from volano.releases.pairs.evidence import OWN
from volano.releases.pairs.pair import Pair
from volano.releases.pairs.reading import pair_of
from volano.releases.progress import Rollout
from volano.releases.stage import Stage

log = logging.getLogger(__name__)

EACH_S = 2.0
PAGE, AT_ONCE = 100, 4
MOST = 2_000
"""Pairs of a step that are judged at most."""
MOST_CALLS = 40_000
REST_US = 30_000_000


class Judges(Protocol):
    """Where judges are kept."""

    def read(self, ref: str) -> Judge:
        """Return a judge of this name; the newest where no version is said."""
        ...


@dataclass
class Place:
    """How far the pairs of one step were read: its judge, units seen, pairs that wait."""

    judge: Judge
    compares: bool
    seq: int = 0
    units: set[str] = field(default_factory=set)
    waiting: list[Pair] = field(default_factory=list)
    spent: bool = False
    rest_us: int = 0
    """By the monotonic clock."""


class PairJudging:
    """Judges by itself, until closed. `trouble` says by rollout why it does not."""

    def __init__(
        self, releases: Releases, book: Book, around: Around, voice: Voice, judges: Judges,
        clock: Clock, *, each_s: float = EACH_S,
    ):  # fmt: skip
        self._releases, self._book, self._around = releases, book, around
        self._voice, self._judges, self._clock, self._each_s = voice, judges, clock, each_s
        self._places: dict[tuple[str, str], Place] = {}
        self.trouble: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pairs", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Judge no more; what is under way is waited for a few seconds."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def once(self) -> int:
        """Judge what waits in each step that is a shadow with a judge; return how many pairs."""
        judged, alive = 0, set()
        for rollout in self._releases.active():
            alive.add(rollout.id)
            stage = rollout.stage
            if stage is None or stage.kind != "shadow" or not stage.judge or self._stop.is_set():
                continue
            try:
                judged += self._judge(rollout, stage)
            except VolanoError as error:
                self._rest(rollout, stage, error.message)
        for key in [key for key in self._places if key[0] not in alive]:
            del self._places[key]
        for gone in self.trouble.keys() - alive:
            del self.trouble[gone]
        return judged

    def _judge(self, rollout: Rollout, stage: Stage) -> int:
        place = self._place(rollout, stage)
        if place is None or place.spent or self._clock.monotonic_us() < place.rest_us:
            return 0
        one = _evaluator(rollout.id, place.judge, stage)
        self._tell(one.name)
        self._read(rollout, one, place)
        if not place.waiting:
            return 0
        with Looking(one, self._book, self._around) as looking:
            asking = Asking(
                place.judge,
                compares=place.compares,
                book=self._book,
                looking=looking,
                say=self._say,
            )
            judged = self._each(asking, place)
        if place.spent:
            self.trouble[rollout.id] = f"the budget of the judge {place.judge.ref} is spent"
        elif asking.silent:
            self.trouble[rollout.id] = f"{place.judge.ref}: {asking.silent}"
        else:
            self.trouble.pop(rollout.id, None)
        return judged

    def _each(self, asking: Asking, place: Place) -> int:
        """Judge several pairs at once, until none waits or the budget is spent.

        A budget that does not hold several questions at once may still hold one.
        """
        judged, at_once = 0, AT_ONCE
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="pairs") as pool:
            while place.waiting and not place.spent and not self._stop.is_set():
                some, place.waiting = place.waiting[:at_once], place.waiting[at_once:]
                works = [(pair, pool.submit(asking.both, pair)) for pair in some]
                refused = _finish(works, place)
                judged += len(some) - refused
                place.spent = bool(refused) and at_once == 1
                at_once = 1 if refused else at_once
        return judged

    def _place(self, rollout: Rollout, stage: Stage) -> Place | None:
        """Return the place of a step; None where its judge is a name of feedback, and no judge of ours.

        What a former control had claimed, and did not finish, is lost. The version of the judge
        stays that which judged the first answer.
        """
        key = rollout.id, stage.judge
        if key not in self._places:
            known = self._book.of(_name(*key))
            try:
                judge = self._judges.read(known[0].slices["judge"] if known else stage.judge)
            except NotFoundError:
                return None
            for found in known:
                if found.state == ASKING:
                    self._book.settle(replace(found, state=LOST))
            self._places[key] = Place(judge, self._compares(judge))
        return self._places[key]

    def _compares(self, judge: Judge) -> bool:
        """Say whether it compares two answers; a panel has members of one kind."""
        if judge.kind == "panel":
            return any(self._judges.read(ref).kind == "pairwise" for ref in judge.judges)
        return judge.kind == "pairwise"

    def _read(self, rollout: Rollout, one: Evaluator, place: Place) -> None:
        """Take new copies: of each unit the first pair that both answered, if nobody judged it."""
        traces = self._around.traces
        while len(place.units) < MOST and not self._stop.is_set():
            found = traces.shadows(place.seq, rollout=rollout.id, limit=PAGE)
            known = self._book.known(one, [copy.id for copy, _ in found]) if found else set()
            for copy, original in found:
                place.seq = copy.seq
                pair = pair_of(traces, copy, original)
                if pair is None or pair.equal is None or pair.unit in place.units:
                    continue
                place.units.add(pair.unit)
                if copy.id not in known or place.compares:
                    place.waiting.append(pair)
            if len(found) < PAGE:
                break

    def _tell(self, name: str) -> None:
        """Make feedback of scores that a former control had not told."""
        for found in self._book.untold(name, MOST):
            self._say(found)

    def _say(self, found: Evaluation) -> None:
        self._voice(replace(found, name=OWN.rstrip(".")))
        self._book.tell(found)

    def _rest(self, rollout: Rollout, stage: Stage, why: str) -> None:
        self.trouble[rollout.id] = why
        place = self._places.get((rollout.id, stage.judge))
        if place is not None:
            place.rest_us = self._clock.monotonic_us() + REST_US

    def _run(self) -> None:
        while not self._stop.wait(self._each_s):
            try:
                self.once()
            except Exception:
                log.exception("judging pairs failed; it is tried again")


def _finish(works: list[tuple[Pair, Future[None]]], place: Place) -> int:
    """Wait for all; return how many the budget did not hold: these wait again.

    Raises:
        UnavailableError: a model did not answer; its pairs wait again.
    """
    broken: UnavailableError | None = None
    refused = 0
    for pair, work in works:
        try:
            work.result()
        except UnavailableError as error:
            place.waiting.append(pair)
            broken = error
        except SpentError:
            place.waiting.append(pair)
            refused += 1
    if broken is not None:
        raise broken
    return refused


def _name(rollout: str, judge: str) -> str:
    return f"pairs/{rollout}/{judge}"


def _evaluator(rollout: str, judge: Judge, stage: Stage) -> Evaluator:
    """Return what looks at pairs: this version of the judge, at all of them, within the budget."""
    return Evaluator(
        name=_name(rollout, stage.judge), version=1, sample=1.0,
        scorers=({"judge": {"judge": judge.ref}},), calls=MOST_CALLS,
        nano=stage.budget_nano or None, currency=stage.currency, by=(),
    )  # fmt: skip
