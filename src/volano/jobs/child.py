"""What the module of a child uses.

    def main() -> None:
        with child_main() as job:
            for step in range(start, job.spec["steps"]):
                ...
                job.progress(step, job.spec["steps"], loss=loss)
            job.done({"loss": loss})

The child is started as `python -m <module> <folder>`. It lives on when the
host dies and the host comes back to it; it ends with the supervisor. It may be
killed at any instant: write checkpoints to another name and rename them to
`job.checkpoint_path` (or beside it), and begin from there.
"""

import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, SupportsFloat

from volano.core.clock import Clock, SystemClock
from volano.jobs import lifeline, progress
from volano.jobs.errors import BadSpecError, ChildRunningError, NoResultError
from volano.jobs.folder import ChildFolder, sign
from volano.jobs.plain import read_object

LOCK_ENV = "VOLANO_CHILD_LOCK"
TERMINATED = 128 + signal.SIGTERM


class ChildJob:
    """The child's side of the folder."""

    def __init__(self, files: ChildFolder, clock: Clock):
        self._files = files
        self._clock = clock
        self.folder = files.path
        self.checkpoint_path = files.checkpoint_path
        self.spec = _spec(files.spec_path)
        self.is_done = False

    def progress(self, step: int, of: int, **metrics: SupportsFloat) -> None:
        """Say how far the work is. A step that is higher than before counts as progress."""
        progress.write(self._files.progress_path, self._clock.now_us(), step, of, metrics)

    def done(self, outputs: Mapping[str, Any]) -> None:
        """Hand over the result (plain JSON, at most 1 MiB); to be called once, as the last thing.

        Raises:
            NotPlainError, StepValueTooLargeError: the outputs cannot be handed on.
        """
        self._files.write_done(outputs)
        self.is_done = True


@contextmanager
def child_main(arguments: Sequence[str] | None = None) -> Iterator[ChildJob]:
    """Hold lifeline and lock, give the job, and write down how it ended.

    `arguments` are the command line's, without the program (default: sys.argv).

    Raises:
        SystemExit: with 1 after an error, which then stands in failed.json; with
            143 when the host ended the child.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1:
        sys.exit("usage: python -m MODULE FOLDER")
    files = ChildFolder(Path(arguments[0]).absolute())
    lifeline.hold(whole_group=True)
    _lock(files)
    signal.signal(signal.SIGTERM, _leave)
    try:
        job = ChildJob(files, SystemClock())
        yield job
        if not job.is_done:
            raise NoResultError
    except Exception as error:
        traceback.print_exc()
        files.write_failed(error)
        raise SystemExit(1) from error


def _lock(files: ChildFolder) -> None:
    """Keep the lock that the host took for us, or take it (a child started by hand).

    It is never given back: the kernel does that when the process is really gone.
    """
    given = os.environ.pop(LOCK_ENV, "")
    fd = int(given) if given and _is_lock(int(given), files) else files.take_lock()
    if fd is None:
        raise ChildRunningError(folder=files.path)
    os.set_inheritable(fd, False)
    sign(fd, os.getpid())


def _is_lock(fd: int, files: ChildFolder) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), files.lock_path.stat())
    except OSError:
        return False


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED)


def _spec(path: Path) -> dict[str, Any]:
    spec = read_object(path)
    if spec is None:
        raise BadSpecError(path=path, why="it is missing, or no JSON object")
    return spec
