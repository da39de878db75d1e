"""The sandbox holds: what a hostile program tries, and what becomes of it.

Skipped where the machine allows no sandbox; then the refusal itself is what is tested.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from volano.evals.sandbox import Limits, Ran, run
from volano.evals.sandbox.calls import filter_of

FIRST = run("", tests="")
SHORT = Limits(wall_s=20, cpu_s=1, files_mb=4)
held = pytest.mark.skipif(FIRST.state == "refused", reason=f"no sandbox here: {FIRST.why}")


def test_a_machine_allows_it_or_says_why_not():
    assert FIRST.state == "passed" or (FIRST.state, bool(FIRST.why)) == ("refused", True)


@held
def test_tests_and_cases_are_run():
    code = "def f(x):\n    return [x, x * 2]\nif __name__ == '__main__':\n    print(input()[::-1])"
    assert run(code, tests="assert f(2) == [2, 4]").state == "passed"
    assert run(code, tests="assert f(2) == 4") == Ran("failed", "AssertionError")
    cases = [
        {"call": "f", "args": ["猫"]},
        {"stdin": "szia\n"},
        {"call": "nem"},
        {"call": "f", "kwargs": {"x": 1}},
    ]
    gave = run(code, cases=cases).gave
    assert gave[:2] == ({"value": ["猫", "猫猫"]}, {"value": "aizs\n"})
    assert "KeyError" in gave[2]["failed"]
    assert gave[3] == {"value": [1, 2]}


@held
def test_the_standard_library_and_a_small_folder_are_there():
    code = (
        "import collections, ctypes, datetime, decimal, hashlib, json, math, random, re, sqlite3, zlib\n"
        "open('a.txt', 'w').write('égi')\nassert open('/work/a.txt').read() == 'égi'"
    )
    assert run(code, tests="") == Ran("passed")


@held
@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os\nwhile True: os.fork()", "PermissionError"),
        ("import subprocess; subprocess.run(['/bin/sh', '-c', 'id'])", "PermissionError"),
        ("import threading; threading.Thread(target=print).start()", "can't start new thread"),
        ("import os; os.execv('/bin/sh', ['sh'])", "Error"),
        ("x = []\nwhile True: x.append(bytearray(5 * 10**7))", "MemoryError"),
        ("'x' * 10**12", "MemoryError"),
        ("import socket; socket.socket()", "PermissionError"),
        ("import socket; socket.socketpair()", "PermissionError"),
        ("import os; os.kill(os.getppid(), 9)", "PermissionError"),
        ("import os; os.kill(-1, 9)", "PermissionError"),
        ("open('/etc/passwd')", "FileNotFoundError"),
        ("open('/proc/1/environ')", "FileNotFoundError"),
        ("open('/usr/lib/x', 'w')", "Read-only"),
        ("open('/x', 'w')", "Read-only"),
        ("f = open('big', 'wb')\nwhile True: f.write(bytes(10**6))", "OSError"),
        ("for i in range(10**6): open(str(i), 'w').close()", "No space left"),
        ("import numpy", "ModuleNotFoundError"),
        ("import resource; resource.setrlimit(resource.RLIMIT_NPROC, (9, 9))", "Error"),
        ("def f(): return f()\nf()", "RecursionError"),
        ("raise SystemExit(0)", "SystemExit"),
        ("import os; os._exit(0)", "before its tests"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_fails(code, why):
    ran = run(code, tests="", limits=SHORT)
    assert ran.state == "failed"
    assert why in ran.why


@held
@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("while True: pass", ("killed", "timeout")), ("import time; time.sleep(600)", ("timeout",)),
        ("import ctypes; ctypes.string_at(0)", ("killed",)), ("while True: print('x' * 1000)", ("flooded",)),
        ("import os\nfor fd in range(3, 30):\n  try:\n    while True: os.write(fd, b'x' * 9999)\n  except OSError: pass", ("flooded",)),
        ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass", ("killed", "timeout")),
    ],
)  # fmt: skip
def test_what_does_not_end_is_ended(code, state):
    began = time.monotonic()
    assert run(code, tests="", limits=Limits(wall_s=2, cpu_s=1)).state in state
    assert time.monotonic() - began < 30


@held
def test_neither_environment_nor_home_nor_workspace_is_seen(monkeypatch, tmp_path):
    monkeypatch.setenv("VOLANO_SECRET", "kulcs-123")
    secret = tmp_path / "secret.txt"
    secret.write_text("kulcs-123")
    places = [
        str(secret),
        str(Path.home() / ".ssh"),
        str(Path.cwd()),
        str(Path(__file__)),
        "/proc/self/environ",
        "/sys",
        "/dev",
    ]
    code = (
        "import os\n"
        f"seen = [p for p in {places!r} if os.path.exists(p)]\n"
        "def env(): return [dict(os.environ), seen, os.listdir('/work'), os.environb.get(b'VOLANO_SECRET')]"
    )
    (gave,) = run(code, cases=[{"call": "env"}]).gave
    environ, seen, work, secret_there = gave["value"]
    assert set(environ) <= {"LC_CTYPE"}
    assert (seen, work, secret_there) == ([], [], None)


@held
def test_the_task_cannot_be_read_again():
    code = "import os\ntry:\n    os.lseek(0, 0, 0)\nexcept OSError:\n    pass\nassert os.read(0, 99) == b''"
    assert run(code, tests="") == Ran("passed")


@held
@pytest.mark.parametrize(
    "line",
    [
        '{"passed": "x"}',
        '{"gave": []}',
        '{"gave": [{"value": 1}]}',
        "[[[[",
        '{"ready": true}',
        "[1]",
    ],
)
def test_a_forged_result_is_no_pass(line):
    code = (
        "import os\nfor fd in range(3, 64):\n    try: os.write(fd, "
        f"{line.encode() + bytes([10])!r})\n    except OSError: pass\nos._exit(0)"
    )
    assert run(code, tests="assert False").state == "failed"


@held
def test_raw_system_calls_of_a_capable_kind_are_refused():
    code = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "for call in (lambda: libc.unshare(0x10000000), lambda: libc.ptrace(0, 0, 0, 0), lambda: libc.setuid(0),\n"
        "    lambda: libc.mount(b'x', b'/work', b'tmpfs', 0, None), lambda: libc.umount2(b'/work', 2), lambda: libc.chroot(b'/'),\n"
        "    lambda: libc.prctl(38, 0, 0, 0, 0), lambda: libc.fork(), lambda: libc.vfork(), lambda: libc.memfd_create(b'x', 0)):\n"
        "    assert call() == -1 and ctypes.get_errno() == 1, call\n"
    )
    assert run(code, tests="") == Ran("passed")


@held
def test_nothing_is_left_when_a_program_was_ended():
    run("import time; time.sleep(600)", tests="", limits=Limits(wall_s=1))
    left = [
        p for p in Path("/proc").glob("[0-9]*") if b"sandbox/inside.py" in _words(p) and _mine(p)
    ]
    assert left == []


@held
def test_it_dies_with_whoever_started_it():
    code = (
        "from volano.evals.sandbox import Limits, run; print('begun', flush=True)\n"
        "run('import time; time.sleep(600)', tests='', limits=Limits(wall_s=500))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout.readline()
        children = _until(lambda: len(_below(parent.pid)) >= 3 and _below(parent.pid))
        parent.send_signal(signal.SIGKILL)
    assert children
    assert _until(lambda: all(_dead(pid) for pid in children))


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_one_jump_for_each_call(machine):
    steps = filter_of(machine)
    assert len(steps) % 8 == 0
    assert 60 < len(steps) // 8 < 255
    assert filter_of("mips") is None


def test_without_a_sandbox_nothing_runs(monkeypatch, tmp_path):
    monkeypatch.setattr(sys.modules["volano.evals.sandbox.run"], "filter_of", lambda: None)
    proof = tmp_path / "ran"
    assert run(f"open({str(proof)!r}, 'w')", tests="").state == "refused"
    assert not proof.exists()


def _words(process):
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def _mine(process):
    try:
        return (
            process.stat().st_uid == os.getuid()
            and f"PPid:\t{os.getpid()}\n" in (process / "status").read_text()
        )
    except OSError:
        return False


def _below(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *_below(int(child))]
    return found


def _dead(pid):
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def _until(seen, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if found := seen():
                return found
        except OSError:
            pass
        time.sleep(0.05)
    return None
