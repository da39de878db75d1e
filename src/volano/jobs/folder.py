"""The folder of one child: the only thing that the host and the child share.

    spec.json       what to do                       written by the host
    host.json       which attempt of the run this is written by the host
    progress.jsonl  how far it is                    written by the child
    checkpoint*     where it resumes                 written by the child
    done.json       the outputs                      written by the child
    failed.json     why not                          written by the child
    child.log       what it said on stdout, stderr
    child.lock      locked (flock) as long as the child lives; holds its pid

The lock tells whether the child lives: a process id does not, it may belong to
a stranger after a restart of the machine.
"""

import fcntl
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from volano.core.errors import VolanoError
from volano.jobs.plain import dumps, plain, read_object, write_object

LOG_TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a child failed, in its own words."""

    code: str
    message: str
    hint: str


class ChildFolder:
    """Paths, files and lock of one child."""

    def __init__(self, path: Path):
        self.path = path
        self.spec_path = path / "spec.json"
        self.host_path = path / "host.json"
        self.progress_path = path / "progress.jsonl"
        self.checkpoint_path = path / "checkpoint"
        self.done_path = path / "done.json"
        self.failed_path = path / "failed.json"
        self.log_path = path / "child.log"
        self.lock_path = path / "child.lock"

    def outputs(self) -> dict[str, Any] | None:
        """Return what the child made of the spec that lies here; None when it is not done."""
        done = read_object(self.done_path)
        if done is None or done.get("spec") != self.spec_digest():
            return None
        outputs = done.get("outputs")
        return outputs if isinstance(outputs, dict) else None

    def failure(self) -> Failure | None:
        """Return why the child failed; None when it did not."""
        failed = read_object(self.failed_path)
        if failed is None:
            return None
        texts = (str(failed.get(key, "")) for key in ("code", "message", "hint"))
        return Failure(*texts)

    def write_done(self, outputs: Mapping[str, Any]) -> None:
        """Say that the work is done.

        Raises:
            NotPlainError, StepValueTooLargeError: the outputs cannot be handed on.
        """
        value = plain(dict(outputs), "The child's result")
        write_object(self.done_path, {"spec": self.spec_digest(), "outputs": value})

    def write_failed(self, error: BaseException) -> None:
        """Write down why the work failed, in two lines."""
        write_object(self.failed_path, two_lines(error, self.log_path))

    def spec_digest(self) -> str:
        """Return the sha256 of the spec as it lies here; empty when there is none."""
        try:
            return hashlib.sha256(self.spec_path.read_bytes()).hexdigest()
        except OSError:
            return ""

    def same_spec(self, spec: Mapping[str, Any]) -> bool:
        """Whether the spec that lies here is this one."""
        return self.spec_digest() == hashlib.sha256(dumps(spec).encode()).hexdigest()

    def log_tail(self) -> str:
        """Return the last line that the child said, for when it could not say more."""
        try:
            data = self.log_path.read_bytes()[-LOG_TAIL_BYTES:]
        except OSError:
            return ""
        lines = data.decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def take_lock(self) -> int | None:
        """Return a descriptor that holds the lock; None when somebody holds it already."""
        fd = os.open(self.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return fd

    def alive(self) -> bool:
        """Whether a child lives in this folder."""
        try:
            fd = os.open(self.lock_path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def pid(self) -> int | None:
        """Return the pid that the living child has written into its lock."""
        try:
            return int(self.lock_path.read_text())
        except (OSError, ValueError):
            return None


def sign(fd: int, pid: int) -> None:
    """Write a pid into a lock file."""
    text = f"{pid}\n".encode()
    os.pwrite(fd, text, 0)
    os.ftruncate(fd, len(text))


def two_lines(error: BaseException, log: Path | None = None) -> dict[str, str]:
    """Return the code, the message and the hint of an error, each on one line."""
    if isinstance(error, VolanoError):
        return {"code": error.code, "message": one_line(error.message), "hint": error.advice}
    name = type(error).__name__
    said = one_line(str(error))
    message = one_line(f"{name}: {said}") if said else name
    hint = f"The whole story is in {log}." if log is not None else ""
    return {"code": "crash", "message": message, "hint": hint}


def one_line(text: str, limit: int = 500) -> str:
    """Return the first line of a text, cut at a limit of characters."""
    first = text.strip().partition("\n")[0].encode(errors="replace").decode().strip()
    return first if len(first) <= limit else first[: limit - 1] + "…"
