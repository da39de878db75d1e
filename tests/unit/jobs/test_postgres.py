"""The engine on Postgres: the same story in its own schemas."""

import os
import uuid

import pytest
from sqlalchemy import create_engine, make_url, text
from toy_host import ME, mark

from volano.core.clock import SystemClock
from volano.jobs.keeper import Runs
from volano.store.db import Database
from volano.store.ledger import Ledger

pytestmark = pytest.mark.slow
"""Real processes that are killed and come back."""

URL = os.environ.get("VOLANO_TEST_PG", "postgresql+psycopg://postgres@127.0.0.1:5432/test")


@pytest.fixture
def schema():
    engine = create_engine(URL, connect_args={"connect_timeout": 2})
    try:
        with engine.begin() as conn:
            conn.execute(text("SELECT 1"))
    except Exception as error:
        pytest.skip(f"No Postgres at {make_url(URL).host}: {error}")
    name = f"jobs_{uuid.uuid4().hex[:12]}"
    yield name
    with engine.begin() as conn:
        conn.execute(text(f"DROP SCHEMA IF EXISTS {name} CASCADE"))
    engine.dispose()


def test_runs_recover_on_postgres(schema, tmp_path):
    db, clock = Database(f"sqlite:///{tmp_path / 'catalog.db'}"), SystemClock()
    db.migrate()
    flag = tmp_path / "fixed"

    def job(work):
        work.step("first", mark, str(tmp_path / "first.txt"))
        return {"ok": work.step("second", lambda: flag.stat().st_size)}

    def build():
        runs = Runs(
            db, Ledger(db, clock), tmp_path / "jobs", clock,
            jobs_url=URL, jobs_schema=schema, poll_s=0.02,
        )  # fmt: skip
        runs.register("job", job)
        return runs

    runs = build()
    runs.launch()
    run = runs.wait(runs.start("job", name="x", inputs={}, by=ME).id, 30)
    runs.close()
    assert run.state == "failed"
    flag.touch()
    runs = build()
    runs.launch()
    runs.retry(run.id, by=ME)
    done = runs.wait(run.id, 30)
    runs.close()
    assert (done.state, done.outputs) == ("done", {"ok": 0})
    assert (tmp_path / "first.txt").read_text() == "x"
