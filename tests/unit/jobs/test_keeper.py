import base64
import json
import pathlib
import sqlite3
import threading
from dataclasses import replace

import pytest
from toy_host import ME, gone, two_steps, until

from volano.core.canon import NotCanonicalError
from volano.core.errors import ConflictError, GateError
from volano.core.principal import Principal
from volano.jobs.errors import (
    AlreadyLaunchedError,
    KindTakenError,
    NotPlainError,
    RunFailedError,
    RunFinishedError,
    RunNotOverError,
    RunSucceededError,
    StillGoingError,
    UnknownKindError,
    UnknownRunError,
)
from volano.jobs.run import Run, RunError, good
from volano.store.errors import DiskFullError
from volano.store.ledger import Ledger

pytestmark = pytest.mark.slow
"""Real processes that are killed and come back."""

BOSS = Principal("person", "boss")


def verbs(runs, run):
    events = runs._ledger.list(subject=f"run/{run.id}", after=0)
    return [(event.verb, event.principal) for event in events]


def pids(runs, run, step="count"):
    path = runs._folder / run.id / step / "starts.txt"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def test_a_run_does_its_steps_and_keeps_its_outputs(runs, tmp_path):
    runs.register("two-steps", two_steps)
    runs.launch()
    run = runs.start("two-steps", name="számol", inputs={"to": 5}, by=ME, group="team/a")
    assert (run.state, run.attempt, run.by, run.group) == ("queued", 1, "person:анна", "team/a")
    done = runs.wait(run.id, 30)
    assert (done.state, done.outputs, done.error) == ("done", {"first": 7, "sum": 15}, None)
    assert done.created_us <= done.started_us <= done.ended_us
    assert (done.progress.stage, done.progress.step, done.progress.share) == ("count", 5, 1.0)
    assert [p.step for p in runs.progress(run.id)] == [1, 2, 3, 4, 5]
    assert runs.list() == [runs.list(kind="two-steps", state="done")[0]]
    assert runs.counts() == {"done": 1}
    assert verbs(runs, run) == [("start", "person:анна"), ("finish", "person:анна")]
    assert (tmp_path / "jobs" / run.id).stat().st_mode & 0o077 == 0


def test_nothing_reaches_the_terminal(runs, capfd):
    def fails(work):
        raise ValueError("loud")

    runs.register("fails", fails)
    runs.launch()
    runs.wait(runs.start("fails", name="x", inputs={}, by=ME).id, 30)
    runs.close()
    assert capfd.readouterr() == ("", "")


def test_the_engine_writes_json_and_never_reads_pickle(runs, tmp_path):
    runs.register("two-steps", two_steps)
    runs.launch()
    run = runs.start("two-steps", name="x", inputs={"to": 1}, by=ME)
    runs.wait(run.id, 30)
    runs.close()
    with sqlite3.connect(tmp_path / "jobs.db") as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        kinds = {row[0] for row in db.execute("SELECT serialization FROM workflow_status")}
        texts = [row[0] for row in db.execute("SELECT output FROM operation_outputs")]
        marker = tmp_path / "owned"
        evil = f"cposix\nsystem\n(S'touch {marker}'\ntR."
        db.execute(
            "UPDATE workflow_status SET status='PENDING', serialization='py_pickle', inputs=?",
            (base64.b64encode(evil.encode()).decode(),),
        )
        db.execute("DELETE FROM workflow_input")
    db.close()
    assert kinds == {"volano_json"}
    assert [json.loads(text) for text in texts] == [{"!value": 7}, {"!value": {"sum": 1}}]
    runs.launch()
    runs.wait(runs.start("two-steps", name="y", inputs={"to": 1}, by=ME).id, 30)
    assert not marker.exists()


def test_an_error_in_a_job_is_kept_in_two_lines(runs):
    def fails(work):
        work.log("so far so good\nsecond")
        work.step("bad", lambda: 1 / 0)

    runs.register("fails", fails)
    runs.launch()
    run = runs.wait(runs.start("fails", name="x", inputs={}, by=ME).id, 30)
    assert run.state == "failed"
    assert (run.error.code, run.error.message) == ("crash", "ZeroDivisionError: division by zero")
    assert "run.log" in run.error.hint
    assert "so far so good" in runs.log(run.id)
    assert "1 / 0" in runs.log(run.id)
    assert verbs(runs, run)[-1] == ("fail", "person:анна")


@pytest.mark.parametrize("value", [{"x": float("nan")}, {"x": b"bytes"}, {1: 2, "a": 3}])
def test_results_that_are_not_plain_fail_the_run(runs, value):
    runs.register("odd", lambda work: value)
    runs.launch()
    run = runs.wait(runs.start("odd", name="x", inputs={}, by=ME).id, 30)
    assert (run.state, run.error.code) == ("failed", "not_plain")


def test_inputs_that_are_not_plain_are_refused(runs):
    runs.register("x", lambda work: {})
    for inputs in ({"x": float("inf")}, {"x": object()}, {"x": "\ud800"}):
        with pytest.raises(NotPlainError):
            runs.start("x", name="x", inputs=inputs, by=ME)
    with pytest.raises(NotCanonicalError):
        runs.start("x", name="x", inputs={"seed": 2**60}, by=ME)
    assert runs.list() == []


def test_unknown_kinds_and_runs_are_told(runs):
    runs.register("train", lambda work: {})
    with pytest.raises(UnknownKindError) as told:
        runs.start("trian", name="x", inputs={}, by=ME)
    assert "It knows: train." in told.value.advice
    for verb in (runs.get, runs.progress, runs.log):
        with pytest.raises(UnknownRunError):
            verb("../../etc")
    with pytest.raises(KindTakenError):
        runs.register("train", lambda work: {})


def test_a_run_whose_kind_is_gone_fails_clearly_on_launch(open_):
    before = open_()
    before.register("plugin-job", lambda work: {})
    run = before.start("plugin-job", name="x", inputs={}, by=ME)
    before.close()
    after = open_()
    after.register("other", lambda work: {})
    after.launch()
    failed = after.get(run.id)
    assert (failed.state, failed.error.code) == ("failed", "unknown_kind")
    assert "plugin-job" in failed.error.message
    assert verbs(after, run)[-1] == ("fail", "service:volano")


def test_one_works_and_the_others_wait(open_, tmp_path):
    runs = open_(concurrency=1)
    runs.register("two-steps", two_steps)
    runs.launch()
    flag = tmp_path / "go"
    first = runs.start("two-steps", name="1", inputs={"to": 1, "until": str(flag)}, by=ME)
    second = runs.start("two-steps", name="2", inputs={"to": 2}, by=ME)
    until(lambda: pids(runs, first))
    assert (runs.get(first.id).state, runs.get(second.id).state) == ("running", "queued")
    with pytest.raises(StillGoingError):
        runs.wait(first.id, 0)
    flag.touch()
    assert runs.wait(second.id, 30).outputs["sum"] == 3
    assert runs.get(first.id).state == "done"


def test_a_cancelled_queued_run_never_begins(runs, tmp_path):
    runs.register("two-steps", two_steps)
    run = runs.start("two-steps", name="x", inputs={"to": 1}, by=ME)
    assert runs.cancel(run.id, by=BOSS).state == "cancelled"
    runs.launch()
    other = runs.start("two-steps", name="y", inputs={"to": 1}, by=ME)
    runs.wait(other.id, 30)
    assert not (tmp_path / "jobs" / run.id).exists()
    assert verbs(runs, run) == [("start", "person:анна"), ("cancel", "person:boss")]


def test_cancel_ends_the_child_and_retry_resumes_it(runs, tmp_path):
    runs.register("two-steps", two_steps)
    runs.launch()
    flag = tmp_path / "go"
    run = runs.start("two-steps", name="x", inputs={"to": 4, "until": str(flag)}, by=ME)
    until(lambda: (p := runs.get(run.id).progress) and p.step == 4)
    with pytest.raises(RunNotOverError) as refused:
        runs.retry(run.id, by=BOSS)
    assert isinstance(refused.value, ConflictError)
    assert f"volano run cancel {run.id}" in refused.value.advice
    assert runs.cancel(run.id, by=BOSS).state == "cancelled"
    with pytest.raises(RunFinishedError):
        runs.cancel(run.id, by=BOSS)
    (first,) = pids(runs, run)
    until(lambda: gone(first))
    flag.touch()
    assert runs.retry(run.id, by=BOSS).attempt == 2
    done = runs.wait(run.id, 30)
    assert (done.state, done.outputs, done.attempt) == ("done", {"first": 7, "sum": 10}, 2)
    steps = (tmp_path / "jobs" / run.id / "count" / "steps.txt").read_text().split()
    assert steps == ["1", "2", "3", "4"]  # the second child had nothing left to count
    assert (tmp_path / "first.txt").read_text() == "x"  # the finished step was not run again
    who = ["person:анна", "person:boss", "person:boss", "person:анна"]
    assert verbs(runs, run) == list(zip(["start", "cancel", "retry", "finish"], who, strict=True))
    with pytest.raises(RunSucceededError):
        runs.retry(run.id, by=BOSS)


def test_a_failed_step_is_run_again_by_retry(runs, tmp_path):
    flag = tmp_path / "fixed"

    def job(work):
        work.step("first", lambda: (tmp_path / "first.txt").open("a").write("x"))
        return work.child("toy_bad", {"how": "fixed", "flag": str(flag)})

    runs.register("job", job)
    runs.launch()
    run = runs.wait(runs.start("job", name="x", inputs={}, by=ME).id, 30)
    assert (run.state, run.error.message) == ("failed", "ValueError: not yet")
    again = runs.retry(run.id, by=ME)
    assert runs.wait(again.id, 30).error.message == "ValueError: not yet"
    flag.touch()
    runs.retry(run.id, by=ME)
    done = runs.wait(run.id, 30)
    assert (done.state, done.attempt, done.error, done.outputs) == ("done", 3, None, {"ok": True})
    assert (tmp_path / "first.txt").read_text() == "x"


def test_what_only_a_retry_needs_goes_when_the_run_is_done(runs, tmp_path):
    kept = tmp_path / "kept"

    def work(work):
        for name in ("rows.jsonl", "a/rows.jsonl", "other.txt"):
            (work.folder / name).parent.mkdir(exist_ok=True)
            (work.folder / name).write_text("választ", encoding="utf-8")
        work.step("keep", lambda: [].pop() if not kept.exists() else None)
        work.tidy("rows.jsonl", "*/rows.jsonl", "none-*.jsonl", "a")
        return {}

    def left(run):
        folder = tmp_path / "jobs" / run.id
        return {
            name for name in ("rows.jsonl", "a/rows.jsonl", "other.txt") if (folder / name).exists()
        }

    runs.register("keeping", work)
    runs.launch()
    run = runs.start("keeping", name="r", inputs={}, by=ME)
    assert runs.wait(run.id, 60).state == "failed"
    assert left(run) == {"rows.jsonl", "a/rows.jsonl", "other.txt"}  # the retry takes them up
    kept.touch()
    runs.retry(run.id, by=ME)
    assert runs.wait(run.id, 60).state == "done"
    assert left(run) == {"other.txt"}


def test_a_file_that_cannot_go_fails_no_run(runs, tmp_path, monkeypatch):
    def work(work):
        (work.folder / "rows.jsonl").touch()
        work.tidy("rows.jsonl")
        return {}

    def refuse(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    runs.register("keeping", work)
    runs.launch()
    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "unlink", refuse)
        run = runs.start("keeping", name="r", inputs={}, by=ME)
        assert runs.wait(run.id, 60).state == "done"
    log = (tmp_path / "jobs" / run.id / "run.log").read_text()
    assert "rows.jsonl cannot be deleted: Permission denied" in log


def test_a_deaf_child_is_killed_after_the_grace_period(runs, tmp_path):
    runs.register("deaf", lambda work: work.child("toy_bad", {"how": "deaf"}))
    runs.launch()
    run = runs.start("deaf", name="x", inputs={}, by=ME)
    until(lambda: runs.get(run.id).progress)
    pid = int((tmp_path / "jobs" / run.id / "toy_bad" / "child.lock").read_text())
    runs.cancel(run.id, by=ME)
    until(lambda: gone(pid))
    assert runs.get(run.id).state == "cancelled"


def test_a_job_cannot_swallow_its_cancellation(runs):
    entered, go = threading.Event(), threading.Event()

    def stubborn(work):
        try:
            work.step("slow", lambda: [entered.set(), go.wait(30)])
            work.step("next", lambda: None)
        except Exception:
            pass
        return {}

    runs.register("stubborn", stubborn)
    runs.launch()
    run = runs.start("stubborn", name="x", inputs={}, by=ME)
    assert entered.wait(30)
    runs.cancel(run.id, by=ME)
    go.set()
    until(lambda: not runs._busy)
    assert runs.get(run.id).state == "cancelled"


def test_two_hosts_at_once_are_refused(open_):
    one, two = open_(), open_()
    one.launch()
    with pytest.raises(AlreadyLaunchedError):
        two.launch()
    with pytest.raises(AlreadyLaunchedError):
        one.launch()
    one.close()
    two.launch()


def test_without_a_launch_runs_wait_for_the_next_one(open_):
    offline = open_()
    offline.register("quick", lambda work: {"n": work.inputs["n"]})
    run = offline.start("quick", name="x", inputs={"n": 3}, by=ME)
    assert run.state == "queued"
    online = open_()
    online.register("quick", lambda work: {"n": work.inputs["n"]})
    online.launch()
    assert online.wait(run.id, 30).outputs == {"n": 3}


def test_a_lost_jobs_database_starts_the_unfinished_anew(open_, tmp_path):
    before = open_()
    before.register("two-steps", two_steps)
    before.launch()
    flag = tmp_path / "go"
    run = before.start("two-steps", name="x", inputs={"to": 3, "until": str(flag)}, by=ME)
    until(lambda: (p := before.get(run.id).progress) and p.step == 3)
    before.close()
    for path in tmp_path.glob("jobs.db*"):
        path.unlink()
    (tmp_path / "jobs.db").write_bytes(b"this is no database, it is a text" * 100)
    after = open_()
    after.register("two-steps", two_steps)
    with pytest.raises(Exception, match="cannot be used"):
        after.launch()
    (tmp_path / "jobs.db").unlink()
    after.launch()
    flag.touch()
    assert after.wait(run.id, 30).outputs == {"first": 7, "sum": 6}
    assert len(pids(after, run)) == 1  # the child that lived on was not started twice


def test_a_run_begun_too_often_is_given_up(open_, tmp_path):
    before = open_()
    before.register("two-steps", two_steps)
    before.launch()
    flag = tmp_path / "go"
    run = before.start("two-steps", name="x", inputs={"to": 1, "until": str(flag)}, by=ME)
    until(lambda: pids(before, run))
    before.close()
    with sqlite3.connect(tmp_path / "jobs.db") as db:
        db.execute("UPDATE workflow_status SET recovery_attempts = 101")
    db.close()
    after = open_()
    after.register("two-steps", two_steps)
    after.launch()
    assert "100 times" in after.get(run.id).error.message
    until(lambda: gone(pids(after, run)[0]))


def test_a_step_value_must_be_small(runs):
    runs.register("big", lambda work: {"x": work.step("big", lambda: "x" * 2_000_000)})
    runs.launch()
    run = runs.wait(runs.start("big", name="x", inputs={}, by=ME).id, 30)
    assert run.error.code == "step_value_too_large"
    assert "artifact" in run.error.hint


def test_bad_step_names_are_refused(runs):
    runs.register("bad", lambda work: work.child("toy_count", {"to": 1}, step="../up"))
    runs.register("twice", lambda work: [work.child("toy_count", {"to": 1}) for _ in "ab"])
    runs.launch()
    bad = runs.wait(runs.start("bad", name="x", inputs={}, by=ME).id, 30)
    twice = runs.wait(runs.start("twice", name="x", inputs={}, by=ME).id, 30)
    assert (bad.error.code, twice.error.code) == ("bad_step_name", "step_taken")


def test_steps_that_changed_since_the_run_began_are_told(open_):
    """An upgrade may bring a job with other steps: old answers must not pass for new ones."""
    name, entered, go = ["old"], threading.Event(), threading.Event()

    def job(work):
        work.step(name[0], lambda: 1)
        return {"x": work.step("second", lambda: [entered.set(), go.wait(30)])}

    before = open_()
    before.register("job", job)
    before.launch()
    run = before.start("job", name="x", inputs={}, by=ME)
    assert entered.wait(30)
    before.close(wait_s=0)
    go.set()
    name[0] = "new"
    after = open_()
    after.register("job", job)
    after.launch()
    failed = after.wait(run.id, 30)
    assert failed.error.code == "steps_changed"
    assert "Start a new run" in failed.error.hint


class FullDisk(Ledger):
    """A ledger on a disk that is full once when a run begins or ends."""

    def append(self, verb, subject, digests, content, **more):
        if verb not in self.__dict__.setdefault("seen", {"start"}):
            self.seen.add(verb)
            raise DiskFullError(where="the ledger", why="test")
        return super().append(verb, subject, digests, content, **more)


def test_a_full_disk_delays_the_end_of_a_run_and_loses_nothing(open_):
    runs = open_(ledger=FullDisk)
    runs.register("quick", lambda work: {"n": 1})
    runs.launch()
    run = runs.start("quick", name="x", inputs={}, by=ME)
    assert runs.wait(run.id, 30).outputs == {"n": 1}
    assert verbs(runs, run) == [("start", "person:анна"), ("finish", "person:анна")]


def test_what_a_gate_refused_is_refused():
    error = RunError("gate", "2 rows are bad", "Correct them.", gate=True)
    run = Run("r1", "toy", "", "failed", "person:anna", "", {}, None, error, 1, 0, 0, 0)
    with pytest.raises(GateError, match="2 rows are bad") as raised:
        good(run)
    assert "volano run log r1" in raised.value.advice
    with pytest.raises(RunFailedError) as raised:
        good(replace(run, error=replace(error, gate=False)))
    assert not isinstance(raised.value, GateError)
