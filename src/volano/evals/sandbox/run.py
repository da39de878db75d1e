"""Starting a program in the sandbox, hearing what it says within limits, and ending it."""

import json
import os
import secrets
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from volano.evals.sandbox.calls import filter_of

INSIDE = Path(__file__).with_name("inside.py")
MOST_SAID = 64 * 1024
"""Bytes that a program may print."""
MOST_GIVEN = 1024 * 1024
"""Bytes of what its cases give."""

State = Literal["passed", "failed", "timeout", "flooded", "killed", "refused"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use: seconds of clock and processor, memory, files."""

    wall_s: float = 10
    cpu_s: int = 5
    memory_mb: int = 256
    files_mb: int = 16


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a program. `refused`: it was never started, because the machine allows no sandbox."""

    state: State
    why: str = ""
    gave: tuple[Mapping[str, Any], ...] = ()
    said: str = ""


def run(
    code: str,
    *,
    tests: str | None = None,
    cases: Sequence[Mapping[str, Any]] = (),
    limits: Limits | None = None,
) -> Ran:
    """Run a program with its tests (Python that raises where it is wrong), or on cases.

    A case is `{"call": name, "args": [...], "kwargs": {...}}`, or `{"stdin": text}`; what each gave is in `gave`. Leave
    out what is expected: what the sandbox does not know, a program cannot find there.
    """
    limits = limits or Limits()
    steps = filter_of()
    if not sys.platform.startswith("linux") or steps is None:
        return Ran("refused", f"there is no sandbox for {sys.platform} on this processor")
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="volano-sandbox-") as root:
        task = {
            "code": code, "tests": tests, "cases": list(cases), "token": token,
            "limits": asdict(limits), "root": root, "filter": steps.hex(), "parent": os.getpid(),
        }  # fmt: skip
        heard = _start(json.dumps(task).encode(), limits.wall_s)
    return _judged(heard, token, limits, len(cases) if tests is None else None)


@dataclass(slots=True)
class _Heard:
    said: bytearray
    given: bytearray
    stopped: State | None = None
    code: int | None = None


def _start(task: bytes, wall_s: float) -> _Heard:
    """Start the child with nothing of ours: no environment, no files, no packages."""
    given, gives = os.pipe()
    with tempfile.TemporaryFile() as file:
        file.write(task)
        file.seek(0)
        try:
            child = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", str(INSIDE), str(gives)],
                stdin=file, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=(gives,),
                env={}, cwd="/", start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(gives)
    heard = _Heard(bytearray(), bytearray())
    assert child.stdout is not None
    with child, os.fdopen(given, "rb", buffering=0) as end:
        try:
            _hear(child.stdout.fileno(), end.fileno(), heard, time.monotonic() + wall_s)
        finally:
            if heard.stopped or sys.exc_info()[0]:
                child.kill()
        child.wait()
        heard.code = child.returncode
        if heard.stopped:
            _gone(end.fileno())
    return heard


def _hear(said: int, given: int, heard: _Heard, until: float) -> None:
    """Read both pipes until they end, or a limit is passed."""
    with selectors.DefaultSelector() as both:
        both.register(said, selectors.EVENT_READ, (heard.said, MOST_SAID))
        both.register(given, selectors.EVENT_READ, (heard.given, MOST_GIVEN))
        while both.get_map():
            left = until - time.monotonic()
            if left <= 0:
                heard.stopped = "timeout"
                return
            for key, _ in both.select(left):
                kept, most = key.data
                if not (more := os.read(key.fd, 65536)):
                    both.unregister(key.fd)
                    continue
                kept += more
                if len(kept) > most:
                    heard.stopped = "flooded"
                    return


def _gone(given: int) -> None:
    """Wait until nobody holds the pipe any more: then the last process of the sandbox is gone."""
    with selectors.DefaultSelector() as one:
        one.register(given, selectors.EVENT_READ)
        until = time.monotonic() + 5
        while time.monotonic() < until and one.select(until - time.monotonic()):
            if not os.read(given, 65536):
                return


def _judged(heard: _Heard, token: str, limits: Limits, cases: int | None) -> Ran:
    """Say what became of it. The first line is ours; what follows is the program's word."""
    first, _, rest = bytes(heard.given).partition(b"\n")
    begun = _line(first)
    said = bytes(heard.said).decode("utf-8", "replace")[-2000:]
    if not begun.get("ready"):
        why = str(begun.get("setup") or said.strip()[-200:] or "it could not be set up")
        return Ran("refused", f"this machine allows no sandbox ({why})")
    if heard.stopped == "timeout":
        return Ran("timeout", f"it took longer than {limits.wall_s:g} s", said=said)
    if heard.stopped == "flooded":
        return Ran("flooded", "it wrote too much", said=said)
    told = _line(rest.partition(b"\n")[0])
    if cases is None and told.get("passed") == token:
        return Ran("passed", said=said)
    gave = told.get("gave")
    if isinstance(gave, list) and len(gave) == cases and all(isinstance(x, dict) for x in gave):
        return Ran("passed", gave=tuple(gave), said=said)
    if "failed" in told:
        return Ran("failed", str(told["failed"]), said=said)
    if heard.code and heard.code > 128:
        return Ran("killed", f"it was ended by signal {heard.code - 128}", said=said)
    return Ran("failed", "it ended before its tests did", said=said)


def _line(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
