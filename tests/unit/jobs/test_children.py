"""Children and hosts that die: real processes, really killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from toy_host import ME, gone, open_runs, two_steps, until

from volano.jobs.folder import ChildFolder

pytestmark = pytest.mark.slow
"""Real processes that are killed and come back."""

TOYS = Path(__file__).parent / "toys"


def child_job(work):
    return work.child("toy_bad", work.inputs)


def lines(path):
    return [int(line) for line in path.read_text().split()] if path.exists() else []


@pytest.fixture
def host(tmp_path, lifeline):
    """Start host processes on the test's folder."""
    started = []

    def start():
        paths = ":".join([str(TOYS), *(p for p in sys.path if p)])
        process = subprocess.Popen(
            [sys.executable, str(TOYS / "toy_host.py"), str(tmp_path), str(lifeline)],
            env={**os.environ, "PYTHONPATH": paths},
            pass_fds=(lifeline,),
            stdout=subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_child_killed_three_times_resumes_and_counts_right(runs, tmp_path):
    runs.register("two-steps", two_steps)
    runs.launch()
    run = runs.start("two-steps", name="x", inputs={"to": 8, "kill_at": [2, 4, 6]}, by=ME)
    assert runs.wait(run.id, 30).outputs == {"first": 7, "sum": 36}
    folder = tmp_path / "jobs" / run.id / "count"
    assert len(lines(folder / "starts.txt")) == 4
    assert lines(folder / "steps.txt") == [1, 2, 3, 4, 5, 6, 7, 8]


def test_more_kills_than_restarts_are_survived_while_it_comes_further(runs):
    runs.register("two-steps", two_steps)
    runs.launch()
    run = runs.start("two-steps", name="x", inputs={"to": 5, "kill_at": [1, 2, 3, 4]}, by=ME)
    assert runs.wait(run.id, 30).outputs["sum"] == 15  # four kills; two restarts are allowed


@pytest.mark.parametrize(
    ("how", "code", "message", "hint"),
    [
        ("told", "no_rows", "The dataset `jegyek@1` has no rows.", "volano data add"),
        ("crash", "crash", "ValueError: плохая строка", "child.log"),
        ("silent", "no_result", "without saying that it is done", "job.done"),
        ("exit", "child_failed", "I just left", "child.log"),
        ("vanish", "child_failed", "was killed 3 times and came no further", "memory"),
    ],
)
def test_a_failing_child_tells_why_in_two_lines(runs, how, code, message, hint):
    runs.register("job", child_job)
    runs.launch()
    run = runs.wait(runs.start("job", name="x", inputs={"how": how}, by=ME).id, 30)
    assert (run.state, run.error.code) == ("failed", code)
    assert message in run.error.message
    assert hint in run.error.hint
    assert "\n" not in run.error.message


def test_a_module_that_does_not_exist_fails_the_step_at_once(runs):
    runs.register("job", lambda work: work.child("no_such_module", {}))
    runs.launch()
    run = runs.wait(runs.start("job", name="x", inputs={}, by=ME).id, 30)
    assert "No module named no_such_module" in run.error.message


def test_a_closed_host_leaves_the_child_and_the_next_comes_back_to_it(open_, tmp_path):
    one = open_()
    one.register("two-steps", two_steps)
    one.launch()
    flag = tmp_path / "go"
    run = one.start("two-steps", name="x", inputs={"to": 3, "until": str(flag)}, by=ME)
    until(lambda: (p := one.get(run.id).progress) and p.step == 3)
    one.close()
    (pid,) = lines(tmp_path / "jobs" / run.id / "count" / "starts.txt")
    assert one.get(run.id).state == "running"
    assert not gone(pid)
    two = open_()
    two.register("two-steps", two_steps)
    two.launch()
    flag.touch()
    assert two.wait(run.id, 30).outputs == {"first": 7, "sum": 6}
    assert lines(tmp_path / "jobs" / run.id / "count" / "starts.txt") == [pid]


def test_the_child_outlives_a_killed_host_and_the_next_host_attends_to_it(host, tmp_path):
    offline = open_runs(tmp_path)
    offline.register("two-steps", two_steps)
    flag = tmp_path / "go"
    run = offline.start("two-steps", name="x", inputs={"to": 4, "until": str(flag)}, by=ME)
    starts = tmp_path / "jobs" / run.id / "count" / "starts.txt"
    for _ in range(3):
        process = host()
        until(lambda: (p := offline.get(run.id).progress) and p.step == 4)
        process.kill()
        process.wait()
        (pid,) = lines(starts)
        assert not gone(pid)
        assert offline.get(run.id).state == "running"
    flag.touch()
    until(lambda: gone(pid))  # it finishes while there is no host at all
    host()
    done = offline.wait(run.id, 30)
    assert (done.state, done.outputs) == ("done", {"first": 7, "sum": 10})
    assert lines(starts) == [pid]
    assert (tmp_path / "first.txt").read_text() == "x"


def test_host_and_child_killed_together_resume_from_the_checkpoint(host, tmp_path):
    offline = open_runs(tmp_path)
    offline.register("two-steps", two_steps)
    flag = tmp_path / "go"
    run = offline.start("two-steps", name="x", inputs={"to": 4, "until": str(flag)}, by=ME)
    folder = tmp_path / "jobs" / run.id / "count"
    process = host()
    until(lambda: (p := offline.get(run.id).progress) and p.step == 4)
    process.kill()
    os.kill(lines(folder / "starts.txt")[0], signal.SIGKILL)
    process.wait()
    flag.touch()
    host()
    assert offline.wait(run.id, 30).outputs["sum"] == 10
    assert len(lines(folder / "starts.txt")) == 2
    assert lines(folder / "steps.txt") == [1, 2, 3, 4]


def test_a_cancel_that_a_crash_cut_short_still_ends_the_child(host, open_, tmp_path):
    offline = open_()
    offline.register("two-steps", two_steps)
    run = offline.start("two-steps", name="x", inputs={"to": 1, "until": "/never"}, by=ME)
    process = host()
    until(lambda: (p := offline.get(run.id).progress) and p.step == 1)
    process.kill()
    process.wait()
    (pid,) = lines(tmp_path / "jobs" / run.id / "count" / "starts.txt")
    offline.cancel(run.id, by=ME)
    assert not gone(pid)
    offline.launch()
    until(lambda: gone(pid))


def test_a_second_host_process_is_refused_while_the_first_works(host, open_):
    host()
    with pytest.raises(Exception, match="works on the runs"):
        open_().launch()


def test_a_child_started_by_hand_works_and_refuses_company(tmp_path):
    folder = ChildFolder(tmp_path / "hand")
    folder.path.mkdir()
    folder.spec_path.write_text('{"to": 3}')
    command = [sys.executable, "-m", "toy_count", str(folder.path)]
    env = {**os.environ, "PYTHONPATH": ":".join([str(TOYS), *(p for p in sys.path if p)])}
    held = folder.take_lock()
    refused = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "works in" in refused.stderr
    os.close(held)
    assert subprocess.run(command, env=env, check=False).returncode == 0
    assert folder.outputs() == {"sum": 6}
    assert not folder.alive()


def test_a_new_spec_in_an_old_folder_starts_from_nothing(runs, tmp_path):
    """What was made for another spec must not pass for this one's result."""
    runs.register("two-steps", two_steps)
    run = runs.start("two-steps", name="x", inputs={"to": 3}, by=ME)
    folder = ChildFolder(tmp_path / "jobs" / run.id / "count")
    folder.path.mkdir(parents=True)
    folder.spec_path.write_text('{"to": 2}')
    folder.checkpoint_path.write_text('{"step": 2, "sum": 999}')
    folder.write_done({"sum": 999})
    runs.launch()
    assert runs.wait(run.id, 30).outputs["sum"] == 6
