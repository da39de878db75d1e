"""Schedules fire once for each occasion, whatever clocks, crashes and people do."""

import json
import os
from datetime import datetime
from pathlib import Path

import pytest

from volano.core.clock import ManualClock
from volano.core.ports.sensed import Sensed
from volano.core.principal import Principal
from volano.jobs.errors import NotPlainError, UnknownKindError
from volano.jobs.keeper import Runs
from volano.jobs.schedule_errors import (
    BadCronError,
    BadScheduleError,
    NotTimedError,
    ScheduleTakenError,
    TooManyFiringsError,
    UnknownScheduleError,
    UnreadableFilesError,
)
from volano.jobs.schedules import Schedules
from volano.jobs.tables import change
from volano.store.db import Database
from volano.store.ledger import Ledger

ANNA = Principal("person", "anna", group="shop/support")
HOUR_S = 3600


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


class Room:
    """Schedules and Runs on a clock that moves when told; the Runs end when a test says so."""

    def __init__(self, db: Database, folder: Path):
        self.db, self.folder = db, folder
        self.clock = ManualClock(us("2026-06-01T00:00:00+00:00"))
        self.ledger = Ledger(db, self.clock)
        self.stock = 0
        self.runs = Runs(db, self.ledger, folder / "jobs", self.clock, jobs_url="sqlite://")
        for kind in ("toy", "data.prepare"):
            self.runs.register(kind, lambda work: {})
        self.runs.register("needy", lambda work: {}, needs=("flow", "data"))
        self.schedules = self.fresh()

    def fresh(self) -> Schedules:
        """Schedules as a restarted control has them."""
        return Schedules(
            self.db, self.ledger, self.runs, self.clock, senses={"feedback": self.sense}
        )

    def sense(self, what: str, mark) -> Sensed:
        return Sensed(self.stock, 0 if mark is None else self.stock - mark)

    def nightly(self, name: str = "nightly", **given):
        given = {"cron": "0 3 * * *", "kind": "toy", **given}
        return self.schedules.add(name, **given, by=ANNA)

    def tick(self, seconds: float = 0.0, *, schedules: Schedules | None = None) -> None:
        self.clock.advance(seconds)
        (schedules or self.schedules).tick()

    def end(self, state: str = "done", run_id: str | None = None) -> None:
        """End the oldest active Run."""
        active = [run for run in self.runs.list() if not run.over]
        run_id = run_id or active[-1].id
        with self.db.write() as conn:
            change(conn, run_id, state=state, ended_us=self.clock.now_us())

    @property
    def states(self) -> list[str]:
        return [run.state for run in reversed(self.runs.list())]

    def firings(self, name: str = "nightly") -> list[str]:
        return [one.state for one in reversed(self.schedules.show(name)["firings"])]


@pytest.fixture
def room(database: Database, tmp_path: Path) -> Room:
    return Room(database, tmp_path)


@pytest.fixture
def desk_room(sqlite: Database, tmp_path: Path) -> Room:
    return Room(sqlite, tmp_path)


def test_a_time_becomes_a_run_that_says_who_started_it(room):
    room.nightly(
        tz="Europe/Budapest", inputs={"day": "${date}", "at": ["${time}", "$date", "${no}"]}
    )
    room.tick(HOUR_S)  # 01:00 UTC is 03:00 there
    [run] = room.runs.list()
    assert (run.kind, run.name, run.by, run.group) == (
        "toy", "nightly", "service:schedule/nightly", "shop/support",
    )  # fmt: skip
    assert run.inputs == {
        "day": "2026-06-01",
        "at": ["2026-06-01T03:00:00+02:00", "$date", "${no}"],
    }
    assert room.schedules.cause_of([run.id])[run.id].cause == {"what": "time"}
    [event] = [e for e in room.ledger.list() if e.verb == "fire"]
    assert event.subject == "schedule/nightly"
    room.tick(60)
    assert len(room.runs.list()) == 1


def test_nothing_is_fired_twice_when_the_clock_goes_back(room):
    room.nightly(cron="0 * * * *", max_active=9)
    room.tick(HOUR_S)
    assert len(room.runs.list()) == 1
    room.clock.set(-HOUR_S - 5)
    for _ in range(4):
        room.tick(20 * 60)
    assert len(room.runs.list()) == 1
    room.tick(HOUR_S)
    assert len(room.runs.list()) == 2


def test_a_clock_that_was_years_ahead_for_a_moment_silences_nothing(room):
    room.nightly(max_active=9)
    room.clock.set(400 * 86_400)
    room.tick()
    ahead = len(room.runs.list())
    assert ahead == 1
    room.clock.set(-400 * 86_400)
    room.tick()
    room.tick(4 * HOUR_S)
    assert len(room.runs.list()) == ahead + 1


@pytest.mark.parametrize(
    ("policy", "made", "missed"), [("none", 0, 10), ("last", 1, 9), ("all", 10, 0)]
)
def test_missed_times_are_made_up_as_the_policy_says(room, policy, made, missed):
    room.nightly(catch_up=policy, max_active=64)
    room.tick(10 * 86_400)
    assert len(room.runs.list()) == made
    assert room.schedules.show("nightly")["missed"] == missed
    room.tick(86_400)
    assert len(room.runs.list()) == made + (policy != "none")


def test_making_up_is_bounded_and_quick_however_long_nobody_was_there(desk_room):
    desk_room.nightly(cron="* * * * *", catch_up="all", busy="queue")
    desk_room.tick(3 * 365 * 86_400)
    assert desk_room.firings().count("waiting") + desk_room.firings().count("started") == 20
    with desk_room.db.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM firings").scalar() == 100


def test_a_crash_before_the_commit_leaves_nothing_and_after_it_everything(room, monkeypatch):
    room.nightly()
    room.clock.advance(4 * HOUR_S)

    def dies(*_args, **_given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(room.schedules, "_serve", dies)
        with pytest.raises(KeyboardInterrupt):
            room.tick()
    assert room.runs.list() == []
    assert room.firings() == []
    with monkeypatch.context() as patch:
        patch.setattr(room.runs, "hand_over", dies)  # written, and the engine never heard of it
        with pytest.raises(KeyboardInterrupt):
            room.tick()
    assert room.states == ["queued"]
    again = room.fresh()
    room.tick(schedules=again)
    room.tick(60, schedules=again)
    assert room.states == ["queued"]
    assert room.firings() == ["started"]


def test_busy_skip_lets_a_time_go(room):
    room.nightly()
    room.tick(4 * HOUR_S)
    room.tick(86_400)
    assert room.firings() == ["started", "skipped"]
    room.end()
    room.tick(86_400)
    assert room.firings() == ["done", "skipped", "started"]


def test_busy_queue_waits_for_room(room):
    room.nightly(busy="queue")
    room.tick(4 * HOUR_S)
    room.tick(86_400)
    assert room.firings() == ["started", "waiting"]
    room.end()
    room.tick(1)
    assert room.firings() == ["done", "started"]


def test_busy_cancel_older_ends_the_older_run(room):
    room.nightly(busy="cancel-older")
    room.tick(4 * HOUR_S)
    room.tick(86_400)
    assert room.states == ["cancelled", "queued"]
    room.tick(1)
    assert room.firings() == ["cancelled", "started"]


def test_a_failed_run_is_tried_again_later_and_later_and_then_given_up(room):
    room.nightly(retries=2, retry_wait_s=100)
    room.tick(4 * HOUR_S)
    room.end("failed")
    room.tick(99)
    assert room.states == ["failed"]
    room.tick(1)
    assert (room.states, room.runs.list()[0].attempt) == (["queued"], 2)
    room.end("failed")
    room.tick(199)
    assert room.states == ["failed"]
    again = room.fresh()  # what is left of the retries outlives the process
    room.tick(1, schedules=again)
    assert room.runs.list()[0].attempt == 3
    room.end("failed")
    room.tick(10_000, schedules=again)
    assert (room.states, room.firings()) == (["failed"], ["failed"])


def test_a_schedule_rests_and_goes_on_from_now(room):
    room.nightly()
    room.schedules.pause("nightly", by=ANNA)
    room.tick(3 * 86_400)
    room.schedules.resume("nightly", by=ANNA)
    room.tick(60)
    assert room.runs.list() == []
    room.tick(86_400)
    assert len(room.runs.list()) == 1


def test_run_now_waits_for_room_and_is_never_skipped(room):
    room.nightly(inputs={"day": "${date}"})
    first = room.schedules.run_now("nightly", by=ANNA)
    assert (first["state"], first["id"]) == ("queued", room.runs.list()[0].id)
    room.clock.advance(1)
    second = room.schedules.run_now("nightly", by=ANNA)
    assert (second["state"], second["id"]) == ("waiting", None)
    room.end()
    room.tick(1)
    assert room.firings() == ["done", "started"]
    cause = room.schedules.show("nightly")["firings"][0].cause
    assert cause == {"what": "person", "by": "person:anna"}


def test_backfill_fires_what_was_not_fired_and_with_again_all(room):
    room.nightly(tz="Europe/Budapest", inputs={"day": "${date}"}, max_active=3)
    room.tick(2 * HOUR_S)
    told = room.schedules.backfill("nightly", since="2026-05-28", until="2026-06-02", by=ANNA)
    assert (told["times"], told["fired"], told["there"], len(told["started"])) == (5, 4, 1, 2)
    while any(not run.over for run in room.runs.list()):
        room.end()
        room.tick(1)
    days = sorted(run.inputs["day"] for run in room.runs.list())
    assert days == ["2026-05-28", "2026-05-29", "2026-05-30", "2026-05-31", "2026-06-01"]
    span = {"since": "2026-05-28", "until": "2026-06-02", "by": ANNA}
    assert room.schedules.backfill("nightly", **span)["fired"] == 0
    assert room.schedules.backfill("nightly", again=True, **span)["fired"] == 5


def test_backfill_is_bounded(desk_room):
    desk_room.nightly(cron="* * * * *")
    with pytest.raises(TooManyFiringsError):
        desk_room.schedules.backfill("nightly", since="2020-01-01", until="2026-01-01", by=ANNA)
    with pytest.raises(BadScheduleError, match="ends before"):
        desk_room.schedules.backfill("nightly", since="2026-01-02", until="2026-01-01", by=ANNA)
    desk_room.nightly("fed", cron=None, on="feedback:support")
    with pytest.raises(NotTimedError):
        desk_room.schedules.backfill("fed", since="2026-01-01", until="2026-01-02", by=ANNA)


def test_enough_new_fires_once_and_counts_on_from_there(room):
    room.nightly("fed", cron=None, on="feedback:support", count=10)
    room.stock = 9
    room.tick(5)
    assert room.runs.list() == []
    room.stock = 12
    room.tick(5)
    room.tick(5)
    assert len(room.runs.list()) == 1
    [firing] = room.schedules.show("fed")["firings"]
    assert firing.cause == {"what": "feedback", "of": "support", "new": 12}
    room.end()
    room.stock = 22
    room.tick(5, schedules=room.fresh())
    assert len(room.runs.list()) == 2


def test_new_files_fire_when_they_have_come_to_rest(room, tmp_path):
    inbox = tmp_path / "be"
    inbox.mkdir()
    (inbox / "régi.jsonl").write_text("{}")
    room.nightly("files", cron=None, on=f"files:{inbox}/*.jsonl", settle_s=30)
    room.tick(60)
    assert room.runs.list() == []
    (inbox / "új.jsonl").write_text("{")
    room.tick(5)
    (inbox / "új.jsonl").write_text("{}\n")  # it still grows
    room.tick(28)
    room.tick(28)
    assert room.runs.list() == []
    room.tick(5)
    room.tick(60)
    assert len(room.runs.list()) == 1
    [firing] = room.schedules.show("files")["firings"]
    assert firing.cause["files"] == [str(inbox / "új.jsonl")]
    room.end()
    (inbox / "régi.jsonl").unlink()  # what goes is no news
    room.tick(60)
    room.tick(60)
    assert len(room.runs.list()) == 1
    os.utime(inbox / "új.jsonl", (1, 1))
    room.tick(31)
    room.tick(31)
    assert len(room.runs.list()) == 2


def test_a_trigger_in_trouble_says_so_and_hinders_nobody(room):
    room.nightly("fed", cron=None, on="feedback:support")
    room.nightly()

    def fails(what, mark):
        raise OSError("the disk is away")

    room.schedules._senses["feedback"] = fails
    room.tick(4 * HOUR_S)
    assert len(room.runs.list()) == 1
    assert "the disk is away" in room.schedules.show("fed")["problem"]
    room.schedules._senses["feedback"] = room.sense
    room.tick(1)
    assert room.schedules.show("fed")["problem"] == ""


def test_a_removed_schedule_leaves_its_runs(room):
    room.nightly(busy="queue")
    room.tick(4 * HOUR_S)
    room.tick(86_400)
    room.schedules.remove("nightly", by=ANNA)
    room.end()
    room.tick(86_400)
    assert len(room.runs.list()) == 1
    with pytest.raises(UnknownScheduleError):
        room.schedules.show("nightly")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"kind": "no.such"}, UnknownKindError),
        ({"kind": None}, BadScheduleError),
        ({"kind": "needy"}, BadScheduleError),
        ({"kind": "needy", "inputs": {"flow": "support"}}, BadScheduleError),
        ({"cron": "x"}, BadCronError),
        ({"cron": None}, BadScheduleError),
        ({"on": "feedback:a"}, BadScheduleError),
        ({"cron": None, "on": "moon:full"}, BadScheduleError),
        ({"cron": None, "on": "drift:a"}, BadScheduleError),
        ({"cron": None, "on": "feedback:a", "count": 0}, BadScheduleError),
        ({"cron": None, "on": "files:relative/*"}, UnreadableFilesError),
        ({"catch_up": "some"}, BadScheduleError),
        ({"max_active": 0}, BadScheduleError),
        ({"retries": 99}, BadScheduleError),
        ({"inputs": {"x": float("nan")}}, NotPlainError),
    ],
)
def test_what_cannot_be_a_schedule_is_refused_at_once(desk_room, given, error):
    with pytest.raises(error):
        desk_room.nightly(**given)
    assert desk_room.schedules.list() == []


def test_a_name_is_taken_until_it_is_replaced(desk_room):
    desk_room.nightly()
    with pytest.raises(ScheduleTakenError):
        desk_room.nightly()
    assert desk_room.nightly(cron="0 4 * * *", replace=True).cron == "0 4 * * *"
    assert [one.cron for one in desk_room.schedules.list()] == ["0 4 * * *"]


def test_a_recipe_says_kind_and_inputs(desk_room, tmp_path):
    recipe = tmp_path / "recept.yaml"
    recipe.write_text("name: ügyek\nsteps:\n- fold: {column: szöveg}\n", encoding="utf-8")
    schedule = desk_room.nightly(kind=None, recipe=recipe)
    assert (schedule.kind, schedule.inputs["recipe"]["name"]) == ("data.prepare", "ügyek")
    bomb = "a: &a [x,x]\nb: &b [*a,*a]\n"
    for text in ("[1", "- 1", bomb, "x: 2026-01-01\n"):
        recipe.write_text(text)
        with pytest.raises((BadScheduleError, NotPlainError)):
            desk_room.nightly("bad", kind=None, recipe=recipe)


def test_names_become_versions_when_it_fires_and_what_cannot_has_failed(desk_room):
    known = {"jegyek": "jegyek@7"}

    def plan(inputs):
        if inputs["data"] not in known:
            raise UnknownScheduleError(name=inputs["data"])
        return {**inputs, "data": known[inputs["data"]]}

    desk_room.schedules._plans["toy"] = plan
    desk_room.nightly(inputs={"data": "jegyek"})
    desk_room.nightly("other", inputs={"data": "nincs"})
    desk_room.tick(4 * HOUR_S)
    [run] = desk_room.runs.list()
    assert run.inputs == {"data": "jegyek@7"}
    assert desk_room.firings("other") == ["failed"]
    assert "nincs" in desk_room.schedules.show("other")["problem"]


def test_what_doors_show_is_plain(desk_room):
    shown = desk_room.nightly().to_dict()
    assert json.loads(json.dumps(shown)) == shown
    assert (shown["on"], shown["catch_up"], shown["by"]) == ("0 3 * * *", "last", "person:anna")
