"""The folder lock: one holder, who says who it is, and who lets go however it dies."""

import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest

from volano.app.lock import FolderHeldError, FolderLock, holder

HOLD = """
import sys, time
from pathlib import Path
from volano.app.lock import FolderLock
with FolderLock(Path(sys.argv[1]), {"what": "volano up"}) as lock:
    lock.tell(what="volano up", url="http://127.0.0.1:7070")
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".volano" / "lock"


@pytest.fixture
def other(path):
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_nobody_holds_it_at_first(path):
    assert holder(path) is None
    with FolderLock(path, {"what": "a command"}):
        told = holder(path)
        assert (told["what"], told["pid"]) == ("a command", os.getpid())
        assert told["since_us"] > 1_700_000_000_000_000
    assert holder(path) is None
    assert path.stat().st_mode & 0o077 == 0


def test_it_can_be_taken_again_and_again(path):
    for _ in range(3):
        with FolderLock(path, {"what": "a command"}):
            pass


def test_the_second_is_told_who_has_it(path, other):
    with pytest.raises(FolderHeldError) as caught, FolderLock(path, {"what": "a command"}):
        pass
    message = caught.value.message
    assert f"`volano up` (process {other.pid}) holds {path.parent}" in message
    assert "at http://127.0.0.1:7070" in message
    assert holder(path)["pid"] == other.pid


def test_asking_does_not_take_it_away(path, other):
    for _ in range(50):
        assert holder(path)["what"] == "volano up"
    assert other.poll() is None


def test_a_killed_holder_lets_go_at_once(path, other):
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    with FolderLock(path, {"what": "a command"}):
        assert holder(path)["pid"] == os.getpid()


def test_a_holder_that_is_just_going_is_waited_for_a_moment(path, monkeypatch):
    path.parent.mkdir()
    with path.open("w") as going:
        fcntl.flock(going, fcntl.LOCK_EX)
        waits = []

        def sleep(seconds):
            waits.append(seconds)
            if len(waits) == 3:
                fcntl.flock(going, fcntl.LOCK_UN)

        monkeypatch.setattr("volano.app.lock.time.sleep", sleep)
        with FolderLock(path, {"what": "a command"}):
            assert holder(path)["pid"] == os.getpid()
    assert len(waits) == 3
    assert sum(waits) < 0.5


def test_what_a_killed_holder_told_is_not_believed(path, other):
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert path.read_text()
    assert holder(path) is None


def test_two_at_once_and_one_gets_it(path):
    command = [sys.executable, "-c", HOLD, str(path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, **pipes) for _ in range(2)]
    deadline = time.monotonic() + 20
    while all(process.poll() is None for process in both):
        assert time.monotonic() < deadline, "both think that they hold it"
        time.sleep(0.01)
    [loser] = [process for process in both if process.poll() is not None]
    [winner] = [process for process in both if process.poll() is None]
    assert winner.stdout.readline() == "held\n"
    winner.kill()
    assert "FolderHeldError" in loser.communicate()[1]
    winner.communicate()


def test_nothing_is_handed_on_to_children(path):
    with FolderLock(path, {"what": "a command"}):
        child = subprocess.Popen(["sleep", "30"], close_fds=False)
    try:
        with FolderLock(path, {"what": "another"}):
            pass
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\ufffd"])
def test_a_holder_that_told_nothing_readable(path, text):
    with FolderLock(path, {}):
        path.write_text(text)
        assert holder(path) == {}
        with pytest.raises(FolderHeldError, match="Another process"), FolderLock(path, {}):
            pass
