"""Ticks a schedule of every minute as fast as it can, a minute a tick, until it is killed."""

import sys
from pathlib import Path

from volano.core.clock import ManualClock
from volano.core.principal import Principal
from volano.jobs.keeper import Runs
from volano.jobs.schedules import Schedules
from volano.jobs.tables import change
from volano.store.db import Database
from volano.store.ledger import Ledger

START_US = 1_790_000_040_000_000


def open_schedules(folder: Path) -> tuple[Schedules, Runs, ManualClock, Database]:
    db = Database(f"sqlite:///{folder / 'catalog.db'}")
    db.migrate()
    marker = folder / "clock"
    clock = ManualClock(int(marker.read_text()) if marker.exists() else START_US)
    ledger = Ledger(db, clock)
    runs = Runs(db, ledger, folder / "jobs", clock, jobs_url="sqlite://")
    runs.register("toy", lambda work: {})
    return Schedules(db, ledger, runs, clock), runs, clock, db


def main(folder: Path) -> None:
    schedules, runs, clock, db = open_schedules(folder)
    if not schedules.list():
        me = Principal("person", "me")
        schedules.add(
            "minutely",
            cron="* * * * *",
            kind="toy",
            catch_up="all",
            busy="queue",
            max_active=2,
            by=me,
        )
    while True:
        clock.advance(60)
        (folder / "clock.new").write_text(str(clock.now_us()))
        (folder / "clock.new").replace(folder / "clock")
        schedules.tick()
        for run in runs.list(state="queued"):
            with db.write() as conn:
                change(conn, run.id, state="done", ended_us=clock.now_us())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
