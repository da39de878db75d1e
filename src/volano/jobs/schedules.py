"""Schedules: the verbs, and the tick that makes Runs of times and triggers.

What a tick decides it writes in one transaction with what it decides on: a
firing, the Run that comes of it, and the schedule's next time or its trigger's
mark are there together, or none of them. So whoever is killed anywhere neither
fires twice nor loses a firing; the launch of `Runs` finds a Run that was
written and not yet handed to the engine. What a Run came to is read from the
table of Runs, never remembered.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Connection

from volano.core.clock import Clock
from volano.core.errors import VolanoError
from volano.core.ids import uuid7
from volano.core.ports.sensed import Sense, Sensed
from volano.core.principal import SYSTEM, Principal
from volano.core.ref import check_name
from volano.jobs import schedule_tables as tables
from volano.jobs.cron import Cron
from volano.jobs.errors import RunFinishedError, RunNotOverError
from volano.jobs.file_trigger import sense_files
from volano.jobs.keeper import Runs
from volano.jobs.plain import plain
from volano.jobs.run import Run
from volano.jobs.schedule import Busy, CatchUp, Firing, Policy, Schedule, Trigger
from volano.jobs.schedule_errors import (
    BadScheduleError,
    NotTimedError,
    ScheduleTakenError,
    TooManyFiringsError,
    UnknownScheduleError,
)
from volano.jobs.tables import read as read_run
from volano.store.db import Database
from volano.store.ledger import Ledger

log = logging.getLogger(__name__)

MOST_WAITING = 1_000
BACKFILL_MOST = 1_000
MOST_RECIPE_BYTES = 1_048_576
RECIPE_KIND = "data.prepare"

ScheduleList = list[Schedule]
Recipe = Callable[[Path], Mapping[str, Any]]
Plan = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Makes a Run's inputs of what a schedule says, when it fires: names become versions."""


def read_recipe(path: Path) -> dict[str, Any]:
    """Return the inputs of a Run of `data.prepare` for a recipe's file.

    Raises:
        BadScheduleError: it is no YAML object.
    """
    try:
        text = path.read_bytes()[: MOST_RECIPE_BYTES + 1].decode()
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise BadScheduleError(what=f"the recipe `{path}`", why="aliases may unfold endlessly")
        raw = yaml.safe_load(text)
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadScheduleError(what=f"the recipe `{path}`", why=str(error)[:200]) from error
    if not isinstance(raw, dict):
        raise BadScheduleError(what=f"the recipe `{path}`", why="it is no YAML object")
    return {"recipe": raw}


class Schedules:
    """All schedules of one workspace. `senses` answer for triggers, by their kind."""

    def __init__(
        self,
        db: Database,
        ledger: Ledger,
        runs: Runs,
        clock: Clock,
        *,
        senses: Mapping[str, Sense] | None = None,
        recipe: Recipe = read_recipe,
        plans: Mapping[str, Plan] | None = None,
    ):
        self._db = db
        self._ledger = ledger
        self._runs = runs
        self._clock = clock
        self._senses: dict[str, Sense] = {"files": sense_files, **(senses or {})}
        self._recipe = recipe
        self._plans = dict(plans or {})
        self._last_us: int | None = None
        self._ticking = threading.Lock()

    def add(
        self,
        name: str,
        *,
        cron: str | None = None,
        tz: str = "UTC",
        on: str | None = None,
        count: int = 1,
        settle_s: float | None = None,
        kind: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        recipe: Path | None = None,
        catch_up: CatchUp = "last",
        max_active: int = 1,
        busy: Busy = "skip",
        retries: int = 0,
        retry_wait_s: float = 60.0,
        replace: bool = False,
        by: Principal,
    ) -> Schedule:
        """Start Runs of a kind at these times, or when this happens.

        Texts in the inputs may have `${date}`, `${time}` and `${planned_us}`: of
        the moment that a Run is for. A trigger counts from now on.

        Raises:
            BadCronError, BadTimeZoneError, BadScheduleError, UnreadableFilesError: as they say.
            UnknownKindError: nothing does this kind of job.
            NotPlainError: the inputs are not plain JSON.
            ScheduleTakenError: there is one of this name, and `replace` was not said.
        """
        if (cron is None) == (on is None):
            raise BadScheduleError(what="this", why="say either `--cron` or `--on`")
        kind, given = self._job(kind, inputs, recipe)
        now = self._clock.now_us()
        trigger = None if on is None else Trigger.parse(on, count=count, settle_s=settle_s)
        schedule = Schedule(
            name=check_name(name), kind=kind, inputs=given, cron=cron, zone=tz, trigger=trigger,
            policy=Policy(catch_up, max_active, busy, retries, retry_wait_s), by=str(by),
            group=by.group, created_us=now,
            next_us=None if cron is None else Cron(cron, tz).after(now),
            mark=None if trigger is None else self._sense(trigger, None).mark,
        )  # fmt: skip
        Cron("@daily", tz)  # a trigger's zone counts for the words in its inputs
        with self._db.write() as conn:
            if not replace and tables.read(conn, schedule.name) is not None:
                raise ScheduleTakenError(name=schedule.name)
            tables.put(conn, schedule)
            self._note("schedule", schedule.name, schedule.to_dict(), by=by, conn=conn)
        return schedule

    def list(self) -> ScheduleList:
        """Return all schedules by name."""
        with self._db.read() as conn:
            return tables.listed(conn)

    def show(self, name: str, *, limit: int = 20) -> dict[str, Any]:
        """Return a schedule with its newest firings and what became of them.

        Raises:
            UnknownScheduleError: there is none.
        """
        with self._db.read() as conn:
            schedule = _get(conn, name)
            firings = tables.history(conn, name, limit)
        return {**schedule.to_dict(), "firings": firings}

    def pause(self, name: str, *, by: Principal) -> Schedule:
        """Let a schedule rest; what already waits goes on.

        Raises:
            UnknownScheduleError: there is none.
        """
        return self._change(name, "pause", by, paused=True)

    def resume(self, name: str, *, by: Principal) -> Schedule:
        """Let a schedule go on from now: what was due while it rested is not made up.

        Raises:
            UnknownScheduleError: there is none.
            BadScheduleError: what its trigger watches cannot be looked at.
        """
        with self._db.read() as conn:
            schedule = _get(conn, name)
        values: dict[str, Any] = {"paused": False, "pending": None, "problem": ""}
        if schedule.times is not None:
            values["next_us"] = schedule.times.after(self._clock.now_us())
        if schedule.trigger is not None:
            values["mark"] = self._sense(schedule.trigger, None).mark
        return self._change(name, "resume", by, **values)

    def remove(self, name: str, *, by: Principal) -> Schedule:
        """Take a schedule away, with what waits of it; its Runs and their records stay.

        Raises:
            UnknownScheduleError: there is none.
        """
        with self._db.write() as conn:
            schedule = _get(conn, name)
            tables.remove(conn, name)
            self._note("unschedule", name, {}, by=by, conn=conn)
        return schedule

    def run_now(self, name: str, *, by: Principal) -> dict[str, Any]:
        """Fire a schedule once, now, paused or not; when it is busy, the Run waits for room.

        Raises:
            UnknownScheduleError: there is none.
        """
        now = self._clock.now_us()
        cause = {"what": "person", "by": str(by)}
        with self._db.write() as conn:
            schedule = _get(conn, name)
            firing = self._fire(conn, schedule, now, f"now:{uuid7(now)}", cause, patient=True)
            assert firing is not None
            started = self._serve(conn, schedule)
        self._hand_over(started)
        run = next((one.run for one in started if one.id == firing.id), None)
        state = "waiting" if run is None else "queued"
        return {"schedule": name, "firing": firing.id, "id": run, "state": state}

    def backfill(
        self, name: str, *, since: str, until: str, again: bool = False, by: Principal
    ) -> dict[str, Any]:
        """Fire for the times of a span that was not fired for yet; with `again`, for all of them.

        `since` and `until` are dates or moments (ISO 8601) in the schedule's zone,
        the last one left out. The Runs follow each other as `max_active` allows.

        Raises:
            UnknownScheduleError: there is none.
            NotTimedError: it has a trigger, and no times.
            BadScheduleError: the span is none.
            TooManyFiringsError: it is too long.
        """
        with self._db.write() as conn:
            schedule = _get(conn, name)
            moments = _moments(schedule, since, until)
            cause = {"what": "backfill", "by": str(by)}
            mark = f"again:{uuid7(self._clock.now_us())}:" if again else "time:"
            fired = [
                firing
                for at in moments
                if (firing := self._fire(conn, schedule, at, f"{mark}{at}", cause, patient=True))
            ]
            content = {"since": since, "until": until, "fired": len(fired)}
            self._note("backfill", name, content, by=by, conn=conn)
            started = self._serve(conn, schedule)
        self._hand_over(started)
        return {
            "schedule": name, "times": len(moments), "fired": len(fired),
            "there": len(moments) - len(fired), "started": [one.run for one in started],
        }  # fmt: skip

    def cause_of(self, run_ids: Sequence[str]) -> dict[str, Firing]:
        """Return the firings that these Runs came of, by Run."""
        with self._db.read() as conn:
            return tables.of_runs(conn, run_ids)

    def tick(self) -> None:
        """Do all that is due now. One thread of one process calls it, again and again."""
        with self._ticking:
            now = self._clock.now_us()
            went_back = self._last_us is None or now < self._last_us
            self._last_us = now
            self._settle(now)
            for schedule in self.list():
                try:
                    self._look(schedule, now, went_back=went_back)
                except VolanoError as error:
                    self._trouble(schedule, str(error))
                except Exception as error:
                    log.exception("the schedule %s failed; it is tried again", schedule.name)
                    self._trouble(schedule, f"{type(error).__name__}: {error}"[:300])

    def _look(self, schedule: Schedule, now: int, *, went_back: bool) -> None:
        if not schedule.paused:
            if schedule.times is not None:
                self._look_at_clock(schedule, now, went_back=went_back)
            elif schedule.trigger is not None:
                self._look_at_trigger(schedule, schedule.trigger, now)
        with self._db.read() as conn:
            waits = any(f.state == "waiting" for f in tables.open_firings(conn, schedule.name))
        if waits:
            with self._db.write() as conn:
                started = self._serve(conn, schedule)
            self._hand_over(started)
        if schedule.policy.busy == "cancel-older":
            self._cancel_older(schedule)

    def _look_at_clock(self, schedule: Schedule, now: int, *, went_back: bool) -> None:
        """Fire for the times that have come, and set the next one, together.

        After the clock was set back the next time is looked for anew: what was
        fired for is known by its key and not fired again.
        """
        assert schedule.times is not None
        assert schedule.next_us is not None
        if now < schedule.next_us:
            sooner = schedule.times.after(now) if went_back else schedule.next_us
            if sooner < schedule.next_us:
                with self._db.write() as conn:
                    tables.change(conn, schedule.name, next_us=sooner)
            return
        with self._db.write() as conn:
            fresh = tables.read(conn, schedule.name)
            if fresh is None or fresh.paused or fresh.next_us != schedule.next_us:
                return  # somebody changed it meanwhile: the next tick sees it
            times, passed = fresh.due(now)
            for at in times:
                self._fire(conn, fresh, at, f"time:{at}", {"what": "time"})
            next_us = schedule.times.after(now)
            values = {"next_us": next_us, "missed": fresh.missed + passed, "problem": ""}
            tables.change(conn, fresh.name, **values)
            started = self._serve(conn, fresh)
        self._hand_over(started)

    def _look_at_trigger(self, schedule: Schedule, trigger: Trigger, now: int) -> None:
        """Fire when enough is new and it has come to rest; its mark moves with the firing."""
        sensed = self._sense(trigger, schedule.mark)
        if schedule.mark is None or (not sensed.new and sensed.mark != schedule.mark):
            self._set(schedule, mark=sensed.mark, pending=None, problem="")
            return
        if sensed.new < trigger.count:
            if schedule.pending is not None or schedule.problem:
                self._set(schedule, pending=None, problem="")
            return
        pending = schedule.pending or {}
        if trigger.settle_s and pending.get("mark") != sensed.mark:
            self._set(schedule, pending={"mark": sensed.mark, "since_us": now}, problem="")
            return
        rested_us = now - pending.get("since_us", now)
        if trigger.settle_s and 0 <= rested_us < trigger.settle_s * 1_000_000:
            return
        cause = {"what": trigger.kind, "of": trigger.what, "new": sensed.new, **sensed.told}
        with self._db.write() as conn:
            fresh = tables.read(conn, schedule.name)
            if fresh is None or fresh.paused or fresh.mark != schedule.mark:
                return
            self._fire(conn, fresh, now, f"{trigger.kind}:{uuid7(now)}", cause)
            tables.change(conn, fresh.name, mark=sensed.mark, pending=None, problem="")
            started = self._serve(conn, fresh)
        self._hand_over(started)

    def _fire(
        self,
        conn: Connection,
        schedule: Schedule,
        planned_us: int,
        key: str,
        cause: Mapping[str, Any],
        *,
        patient: bool = False,
    ) -> Firing | None:
        """Keep a firing; None when this occasion was fired for before."""
        now = self._clock.now_us()
        waiting = sum(f.state == "waiting" for f in tables.open_firings(conn, schedule.name))
        state = "waiting" if waiting < MOST_WAITING else "skipped"
        firing = Firing(
            uuid7(now), schedule.name, planned_us, now, cause, state, patient=patient
        )  # fmt: skip
        if not tables.fire(conn, firing, key):
            return None
        self._note(
            "fire", schedule.name, {"firing": firing.id, "planned_us": planned_us, **cause},
            by=SYSTEM, conn=conn,
        )  # fmt: skip
        tables.prune(conn, schedule.name)
        return firing

    def _serve(self, conn: Connection, schedule: Schedule) -> Sequence[Firing]:
        """Make Runs of firings that wait, as far as there is room; tell which."""
        found = tables.open_firings(conn, schedule.name)
        active = sum(one.state == "started" for one in found)
        started: list[Firing] = []
        for firing in (one for one in found if one.state == "waiting"):
            room = active < schedule.policy.max_active
            if room or (schedule.policy.busy == "cancel-older" and not firing.patient):
                begun = self._start(conn, schedule, firing)
                started += [begun] if begun else []
                active += bool(begun)
            elif schedule.policy.busy == "skip" and not firing.patient:
                tables.mark(conn, firing.id, "skipped")
        return started

    def _start(self, conn: Connection, schedule: Schedule, firing: Firing) -> Firing | None:
        """Make a Run of a firing; one that no Run can be made of has failed."""
        try:
            inputs: Mapping[str, Any] = schedule.inputs_at(firing.planned_us)
            if schedule.kind in self._plans:
                inputs = self._plans[schedule.kind](inputs)
            run_id = self._runs.put(
                conn, schedule.kind, name=schedule.name, inputs=inputs,
                by=schedule.principal, group=schedule.group,
            )  # fmt: skip
        except VolanoError as error:
            tables.mark(conn, firing.id, "failed")
            tables.change(conn, schedule.name, problem=str(error)[:300])
            return None
        tables.mark(conn, firing.id, "started", run_id)
        return firing.started(run_id)

    def _hand_over(self, started: Sequence[Firing]) -> None:
        for firing in started:
            assert firing.run is not None
            self._runs.hand_over(firing.run)

    def _settle(self, now: int) -> None:
        """Take over what became of Runs; start those again that failed and may be retried."""
        with self._db.read() as conn:
            policies = {one.name: one.policy for one in tables.listed(conn)}
            started = [one for one in tables.open_firings(conn) if one.state == "started"]
            runs = {one.id: read_run(conn, one.run or "") for one in started}
        over: list[tuple[Firing, Run]] = []
        for firing in started:
            run = runs[firing.id]
            policy = policies.get(firing.schedule, Policy())
            again_us = None
            if run.state == "failed":
                again_us = policy.retry_at_us(run.ended_us or now, run.attempt)
            if run.over and again_us is None:
                over.append((firing, run))
            elif again_us is not None and now >= again_us:
                self._retry(run, firing)
        if over:
            with self._db.write() as conn:
                for firing, run in over:
                    tables.mark(conn, firing.id, run.state)

    def _retry(self, run: Run, firing: Firing) -> None:
        by = Principal("service", f"schedule/{firing.schedule}", group=run.group)
        try:
            self._runs.retry(run.id, by=by)
        except RunNotOverError:
            return  # a person was quicker
        except VolanoError as error:
            with self._db.write() as conn:
                tables.mark(conn, firing.id, "failed")
                tables.change(conn, firing.schedule, problem=str(error)[:300])

    def _cancel_older(self, schedule: Schedule) -> None:
        """End the oldest Runs until no more are active than may be."""
        with self._db.read() as conn:
            found = tables.open_firings(conn, schedule.name)
        active = [one for one in found if one.state == "started"]
        for firing in active[: max(0, len(active) - schedule.policy.max_active)]:
            try:
                self._runs.cancel(firing.run or "", by=schedule.principal)
            except RunFinishedError:
                continue  # it is settled by the next tick

    def _sense(self, trigger: Trigger, mark: Any) -> Sensed:
        if trigger.kind not in self._senses:
            why = f"nothing here watches {trigger.kind}"
            raise BadScheduleError(what=f"the trigger `{trigger}`", why=why)
        return self._senses[trigger.kind](trigger.what, mark)

    def _job(
        self, kind: str | None, inputs: Mapping[str, Any] | None, recipe: Path | None
    ) -> tuple[str, dict[str, Any]]:
        """Return kind and inputs of the Runs."""
        if recipe is not None:
            if inputs is not None or kind not in (None, RECIPE_KIND):
                why = "the recipe says kind and inputs"
                raise BadScheduleError(what="`--kind` or `--inputs` beside `--recipe`", why=why)
            kind, inputs = RECIPE_KIND, self._recipe(recipe)
        elif kind == RECIPE_KIND:
            why = "what it reads are files of this machine; name the recipe's with `--recipe`"
            raise BadScheduleError(what=f"`--kind {RECIPE_KIND}`", why=why)
        if kind is None:
            raise BadScheduleError(what="no kind", why="say `--kind`, or give a `--recipe`")
        if not isinstance(inputs or {}, Mapping):
            raise BadScheduleError(what="these inputs", why="they are an object")
        self._runs.check_kind(kind)
        found: dict[str, Any] = plain(dict(inputs or {}), "The input")
        if lacking := self._runs.lacking(kind, found):
            why = f"they need {', '.join(f'`{name}`' for name in lacking)}"
            raise BadScheduleError(what=f"these inputs for `{kind}`", why=why)
        return kind, found

    def _change(self, name: str, verb: str, by: Principal, **values: Any) -> Schedule:
        with self._db.write() as conn:
            _get(conn, name)
            tables.change(conn, name, **values)
            self._note(verb, name, {}, by=by, conn=conn)
            return _get(conn, name)

    def _set(self, schedule: Schedule, **values: Any) -> None:
        """Write down what a trigger saw, unless the schedule was changed meanwhile."""
        with self._db.write() as conn:
            fresh = tables.read(conn, schedule.name)
            if fresh is not None and (fresh.mark, fresh.paused) == (schedule.mark, schedule.paused):
                tables.change(conn, schedule.name, **values)

    def _trouble(self, schedule: Schedule, told: str) -> None:
        if schedule.problem != told:
            with self._db.write() as conn:
                tables.change(conn, schedule.name, problem=told)

    def _note(
        self, verb: str, name: str, content: Mapping[str, Any], *, by: Principal, conn: Connection
    ) -> None:
        self._ledger.append(verb, f"schedule/{name}", (), content, by=by, conn=conn)


def _get(conn: Connection, name: str) -> Schedule:
    found = tables.read(conn, name)
    if found is None:
        raise UnknownScheduleError(name=name[:120])
    return found


def _moments(schedule: Schedule, since: str, until: str) -> Sequence[int]:
    """Return the times of a span.

    Raises:
        NotTimedError, BadScheduleError, TooManyFiringsError: as they say.
    """
    if schedule.times is None:
        raise NotTimedError(name=schedule.name, on=schedule.trigger)
    span = schedule.times.moment(since), schedule.times.moment(until)
    if span[0] >= span[1]:
        raise BadScheduleError(what=f"the span {since} to {until}", why="it ends before it begins")
    found: list[int] = []
    for at in schedule.times.between(*span):
        found.append(at)
        if len(found) > BACKFILL_MOST:
            raise TooManyFiringsError(
                since=since, until=until, name=schedule.name, limit=BACKFILL_MOST
            )
    return found
