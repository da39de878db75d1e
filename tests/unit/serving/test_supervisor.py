"""The supervisor, with real children: they come back, they go in order, none outlives it."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from volano.serving import supervisor as module
from volano.serving.supervisor import Command, Supervisor

FOREVER = ("sleep", "60")


class Moments:
    """A monotonic clock that moves when told."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def moments():
    return Moments()


@pytest.fixture
def supervisor(tmp_path, moments):
    made = Supervisor(tmp_path, monotonic=moments)
    yield made
    made.kill()
    made.stop()


def until(true, within_s=30.0):
    deadline = time.monotonic() + within_s
    while not (found := true()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
    return found


def gone(pid):
    """Whether a process has ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def pid_of(supervisor, name):
    return supervisor.children[name].process.pid


def python(code, *words):
    return (sys.executable, "-S", "-c", code, *map(str, words))


def test_a_child_runs_with_what_it_was_given(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Supervisor(tmp_path, environment={"COLOUR": "kék"})
        fd = listener.fileno()
        code = "import os, sys; print(os.environ['COLOUR'], os.fstat(int(sys.argv[1])).st_mode)"
        made.add(Command("talker", python(code, fd), pass_fds=(fd,)))
        made.children["talker"].process.wait(10)
        assert (tmp_path / "talker.log").read_text() == f"kék {os.fstat(fd).st_mode}\n"
        made.stop()


def test_a_child_that_dies_is_started_again(supervisor, moments):
    supervisor.add(Command("worker-0", FOREVER))
    first = pid_of(supervisor, "worker-0")
    assert supervisor.tick() == []
    moments.now += module.SETTLED_S
    os.kill(first, signal.SIGKILL)
    supervisor.children["worker-0"].process.wait(10)
    assert supervisor.tick() == ["worker-0"]
    moments.now += module.FIRST_DELAY_S
    assert supervisor.tick() == []
    assert pid_of(supervisor, "worker-0") != first
    assert supervisor.children["worker-0"].restarts == 1


def test_one_that_keeps_dying_is_started_more_and_more_slowly(supervisor, moments):
    supervisor.add(Command("weak", ("false",)))
    child = supervisor.children["weak"]
    waits = []
    for _ in range(10):
        child.process.wait(10)
        assert supervisor.tick() == ["weak"]
        waits.append(round(child.next_start_s - moments.now, 3))
        moments.now = child.next_start_s - 0.001
        supervisor.tick()
        assert child.process is None, "it must wait"
        moments.now = child.next_start_s
        supervisor.tick()
    assert waits == [0.05, 0.05, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    assert child.restarts == 10


def test_one_that_had_settled_starts_again_soon(supervisor, moments):
    supervisor.add(Command("weak", ("false",)))
    child = supervisor.children["weak"]
    for _ in range(4):
        child.process.wait(10)
        supervisor.tick()
        moments.now = child.next_start_s
        supervisor.tick()
    child.process.wait(10)
    moments.now += module.SETTLED_S
    supervisor.tick()
    assert child.next_start_s - moments.now == pytest.approx(module.FIRST_DELAY_S)


def test_one_that_cannot_be_started_now_is_tried_again(supervisor, moments, monkeypatch):
    """A disk without room for a log, a system without room for a process: no reason to fall."""
    supervisor.add(Command("worker-0", FOREVER))
    supervisor.add(Command("worker-1", ("false",)))
    supervisor.children["worker-1"].process.wait(10)
    supervisor.tick()

    def full(_name):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(supervisor, "_log", full)
    for _ in range(3):
        moments.now += 10
        assert supervisor.tick() == []
    assert supervisor.children["worker-1"].process is None
    monkeypatch.undo()
    moments.now += 10
    supervisor.tick()
    assert supervisor.children["worker-1"].process is not None
    assert not gone(pid_of(supervisor, "worker-0"))


def test_a_first_start_that_is_impossible_is_told(supervisor):
    with pytest.raises(FileNotFoundError):
        supervisor.add(Command("x", ("/no/such/program",)))


def test_wanted_children_come_and_go_and_others_stay(supervisor):
    supervisor.add(Command("worker-0", FOREVER))
    supervisor.want([Command("engine-a", FOREVER), Command("engine-b", FOREVER)], prefix="engine-")
    a, b = pid_of(supervisor, "engine-a"), pid_of(supervisor, "engine-b")
    supervisor.want([Command("engine-b", FOREVER), Command("engine-c", FOREVER)], prefix="engine-")
    assert set(supervisor.children) == {"worker-0", "engine-b", "engine-c"}
    until(lambda: supervisor.tick() == [] and gone(a))
    until(lambda: supervisor.tick() == [] and supervisor.children["engine-c"].process)
    assert pid_of(supervisor, "engine-b") == b
    supervisor.want([], prefix="engine-")
    assert set(supervisor.children) == {"worker-0"}
    assert not gone(pid_of(supervisor, "worker-0"))
    assert supervisor.tick() == []


def test_an_unwanted_child_that_is_dead_already_is_no_trouble(supervisor, moments):
    supervisor.want([Command("engine-a", ("false",))], prefix="engine-")
    supervisor.children["engine-a"].process.wait(10)
    supervisor.tick()
    supervisor.want([], prefix="engine-")
    moments.now += 60
    assert supervisor.tick() == []
    assert supervisor.children == {}


POLITE = """
import signal, sys
def leave(*_):
    with open(sys.argv[1], "a") as book:
        book.write(sys.argv[2] + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, leave)
open(sys.argv[1] + "." + sys.argv[2], "w")
signal.pause()
"""
STUBBORN = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1] + "." + sys.argv[2], "w")
while True:
    signal.pause()
"""


def start(supervisor, book, name, code=POLITE, **more):
    supervisor.add(Command(name, python(code, book, name), **more))
    until(Path(f"{book}.{name}").exists)


def test_while_one_takes_its_time_to_leave_others_are_still_cared_for(
    supervisor, moments, tmp_path
):
    """A stubborn engine has seconds to end: a crash of another is seen and mended meanwhile."""
    supervisor.add(Command("worker-0", FOREVER))
    start(supervisor, tmp_path / "book", "engine-a", STUBBORN, grace_s=3.0)
    a, worker = pid_of(supervisor, "engine-a"), pid_of(supervisor, "worker-0")
    supervisor.want([Command("engine-b", FOREVER)], prefix="engine-")
    assert not gone(a), "nobody waited for it"
    os.kill(worker, signal.SIGKILL)
    supervisor.children["worker-0"].process.wait(10)
    assert supervisor.tick() == ["worker-0"]
    moments.now += 1.0
    supervisor.tick()
    assert pid_of(supervisor, "worker-0") != worker
    assert supervisor.children["engine-b"].process is None, "its memory is not free yet"
    moments.now += 2.5
    supervisor.tick()  # its time is over
    until(lambda: gone(a))
    supervisor.tick()
    assert not gone(pid_of(supervisor, "engine-b"))


def test_one_that_is_wanted_again_while_it_leaves_starts_when_it_has_left(
    supervisor, moments, tmp_path
):
    start(supervisor, tmp_path / "book", "engine-a", STUBBORN, grace_s=3.0)
    a = pid_of(supervisor, "engine-a")
    supervisor.want([], prefix="engine-")
    supervisor.want([Command("engine-a", FOREVER)], prefix="engine-")
    assert supervisor.children["engine-a"].process is None, "both would listen on one socket"
    supervisor.stop()
    assert gone(a), "who leaves is waited for at the end"


def test_who_leaves_is_seen_until_it_has_left(supervisor, tmp_path):
    """Its memory is taken still: the state and the limit of memory know it."""
    start(supervisor, tmp_path / "book", "engine-a", STUBBORN)
    supervisor.add(Command("worker-0", FOREVER))
    a, worker = pid_of(supervisor, "engine-a"), pid_of(supervisor, "worker-0")
    assert supervisor.pids("engine-") == [("engine-a", a)]
    supervisor.want([Command("engine-b", FOREVER)], prefix="engine-")
    assert supervisor.state() == {
        "worker-0": {"pid": worker, "restarts": 0},
        "engine-b": {"pid": None, "restarts": 0},
        "engine-a": {"pid": None, "restarts": 0, "leaving": [a]},
    }
    supervisor.want([Command("engine-a", FOREVER)], prefix="engine-")
    assert supervisor.state()["engine-a"] == {"pid": None, "restarts": 0, "leaving": [a]}
    assert supervisor.pids("engine-") == [("engine-a", a)]
    os.kill(a, signal.SIGKILL)
    until(lambda: supervisor.tick() == [] and supervisor.children["engine-a"].process)
    after = pid_of(supervisor, "engine-a")
    assert supervisor.pids("engine-") == [("engine-a", after)]
    assert "leaving" not in supervisor.state()["engine-a"]


WAITS = """
import os, signal, sys, time
def leave(*_):
    while os.path.exists("/proc/" + open(sys.argv[1] + ".pid").read()):
        time.sleep(0.01)
    open(sys.argv[1], "a").write(sys.argv[2])
    sys.exit()
signal.signal(signal.SIGTERM, leave)
open(sys.argv[1] + "." + sys.argv[2], "w")
while True:
    signal.pause()
"""


def test_who_leaves_is_killed_in_time_while_others_finish(supervisor, tmp_path):
    book = tmp_path / "book"
    start(supervisor, book, "engine-a", STUBBORN, grace_s=0.2)
    Path(f"{book}.pid").write_text(str(pid_of(supervisor, "engine-a")))
    start(supervisor, book, "worker-0", WAITS, grace_s=20.0)
    supervisor.want([], prefix="engine-")
    supervisor.stop(("worker-", "engine-"))
    assert book.read_text() == "worker-0", "it saw the engine's end, and was not killed itself"


def test_who_is_past_its_time_gets_no_further_grace(supervisor, moments, tmp_path, monkeypatch):
    start(supervisor, tmp_path / "book", "engine-a", STUBBORN, grace_s=0.5)
    supervisor.want([], prefix="engine-")
    moments.now += 60
    waited, wait = [], subprocess.Popen.wait

    def seen(process, timeout=None):
        waited.append(timeout)
        return wait(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", seen)
    supervisor.stop()
    assert waited == [0.0, None]


def test_they_stop_in_order(supervisor, tmp_path):
    book = tmp_path / "book"
    for name in ("recorder", "control", "engine-a", "worker-1", "worker-0", "other"):
        start(supervisor, book, name)
    supervisor.stop(("worker-", "control", "engine-", "recorder"))
    order = book.read_text().split()
    assert sorted(order[:2]) == ["worker-0", "worker-1"]
    assert order[2:] == ["control", "engine-a", "recorder", "other"]
    assert supervisor.children == {}


def test_who_does_not_go_is_killed_after_its_grace(supervisor, tmp_path):
    book = tmp_path / "book"
    start(supervisor, book, "stubborn", STUBBORN, grace_s=0.2)
    start(supervisor, book, "polite")
    process = supervisor.children["stubborn"].process
    supervisor.stop()
    assert process.returncode == -signal.SIGKILL
    assert book.read_text() == "polite\n"


def test_stopping_what_has_died_and_what_never_ran(supervisor):
    supervisor.add(Command("weak", ("false",)))
    supervisor.children["weak"].process.wait(10)
    supervisor.stop(("nothing-",))
    supervisor.stop()
    assert supervisor.tick() == []


def test_killing_ends_all_at_once(supervisor, tmp_path):
    book = tmp_path / "book"
    start(supervisor, book, "stubborn", STUBBORN)
    start(supervisor, book, "polite")
    supervisor.kill()
    for child in supervisor.children.values():
        assert child.process.wait(10) == -signal.SIGKILL


def test_a_log_goes_on_over_restarts_and_is_put_aside_when_it_is_large(
    tmp_path, moments, monkeypatch
):
    monkeypatch.setattr(module, "LOG_MAX_BYTES", 30)
    made = Supervisor(tmp_path, monotonic=moments)
    made.add(Command("worker-0", ("echo", "0123456789")))
    child, log = made.children["worker-0"], tmp_path / "worker-0.log"
    sizes = []
    for _ in range(5):
        child.process.wait(10)
        sizes.append(log.stat().st_size)
        made.tick()
        moments.now = child.next_start_s
        made.tick()
    made.stop()
    assert sizes == [11, 22, 33, 11, 22]
    assert (tmp_path / "worker-0.log.1").stat().st_size == 33


FAMILY = """
import os, subprocess, sys
fd = int(os.environ["VOLANO_LIFELINE"])
code = "from volano.jobs import lifeline; lifeline.hold(); import time; time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", code], pass_fds=(fd,), start_new_session=True)
print(child.pid, flush=True)
child.wait()
"""
HOST = """
import sys, time
from pathlib import Path
from volano.serving.supervisor import Command, Supervisor
made = Supervisor(Path(sys.argv[1]))
made.add(Command("plain", ("sleep", "60")))
made.add(Command("family", (sys.executable, "-c", sys.argv[2])))
print(*[child.process.pid for child in made.children.values()], flush=True)
time.sleep(60)
"""


def test_nobody_outlives_a_supervisor_that_was_killed(tmp_path):
    command = [sys.executable, "-c", HOST, str(tmp_path), FAMILY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as host:
        pids = [int(pid) for pid in host.stdout.readline().split()]
        assert len(pids) == 2
        log = tmp_path / "family.log"
        grandchild = int(until(lambda: log.exists() and log.read_text().strip()))
        assert not any(gone(pid) for pid in [*pids, grandchild])
        os.kill(host.pid, signal.SIGKILL)
    until(lambda: all(gone(pid) for pid in [*pids, grandchild]))


def test_ctrl_c_at_the_terminal_is_the_supervisors_to_hear(supervisor):
    """Children stand in sessions of their own, so that workers can drain."""
    supervisor.add(Command("worker-0", FOREVER))
    assert os.getsid(pid_of(supervisor, "worker-0")) != os.getsid(0)


def test_a_successor_works_beside_its_predecessor_until_that_may_go(supervisor):
    supervisor.add(Command("w", FOREVER, grace_s=5.0))
    first = pid_of(supervisor, "w")
    second = supervisor.renew("w")
    assert second == pid_of(supervisor, "w") != first
    supervisor.tick()
    assert not gone(first)
    assert not gone(second)
    supervisor.let_go("w")
    until(lambda: gone(first))
    assert supervisor.tick() == []
    assert supervisor.children["w"].former == []
    assert supervisor.children["w"].restarts == 0
    assert not gone(second)


def test_a_predecessor_that_does_not_end_is_killed_after_its_grace(supervisor, moments):
    deaf = python("import signal, time; signal.signal(15, 1); print('deaf'); time.sleep(60)")
    supervisor.add(Command("w", deaf, grace_s=5.0))
    until(lambda: (supervisor.logs / "w.log").read_text() == "deaf\n")
    first = pid_of(supervisor, "w")
    supervisor.renew("w")
    supervisor.let_go("w")
    supervisor.tick()
    assert not gone(first)
    moments.now += 6.0
    supervisor.tick()
    until(lambda: gone(first))


def test_when_a_successor_dies_the_predecessor_goes_on(supervisor, moments):
    supervisor.add(Command("w", FOREVER))
    first, second = pid_of(supervisor, "w"), supervisor.renew("w")
    os.kill(second, signal.SIGKILL)
    until(lambda: supervisor.tick() == ["w"])
    moments.now += 1.0
    supervisor.tick()
    assert pid_of(supervisor, "w") not in (first, second)
    assert not gone(first)


def test_nobody_stays_behind_when_it_stops_amid_a_renewal(supervisor):
    supervisor.add(Command("w", FOREVER))
    pids = [pid_of(supervisor, "w"), supervisor.renew("w")]
    supervisor.stop()
    assert all(map(gone, pids))
