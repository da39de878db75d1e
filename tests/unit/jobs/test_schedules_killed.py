"""kill -9 at any instant: no time is fired twice, none is lost, each has exactly one Run."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select
from toy_host import until
from toy_schedule import START_US, open_schedules

from volano.jobs.schedule_tables import firings
from volano.jobs.tables import runs

pytestmark = pytest.mark.slow

KILLS = 8


def test_killed_again_and_again_a_schedule_fires_once_for_each_minute(tmp_path):
    dice, clock = random.Random(5), tmp_path / "clock"
    toy = Path(__file__).parent / "toys" / "toy_schedule.py"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    for _ in range(KILLS):
        before = int(clock.read_text()) if clock.exists() else START_US
        goal = before + dice.randint(2, 9) * 60_000_000
        child = subprocess.Popen([sys.executable, str(toy), str(tmp_path)], env=env)
        try:
            until(lambda: clock.exists() and int(clock.read_text()) >= goal, 60)  # noqa: B023
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
    schedules, _, now, db = open_schedules(tmp_path)
    for _ in range(4):
        schedules.tick()
    with db.read() as conn:
        planned = list(conn.scalars(select(firings.c.planned_us).order_by(firings.c.planned_us)))
        started = list(conn.scalars(select(firings.c.run).where(firings.c.run.is_not(None))))
        waiting = conn.scalar(select(func.count()).where(firings.c.state == "waiting"))
        made = list(conn.scalars(select(runs.c.id)))
    db.close()
    minutes = (now.now_us() - START_US) // 60_000_000
    assert planned == [planned[0] + n * 60_000_000 for n in range(len(planned))]
    assert minutes - 1 <= len(planned) <= minutes
    assert sorted(started) == sorted(made)
    assert len(set(started)) == len(started) == len(planned) - waiting
