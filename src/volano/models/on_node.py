"""On a node: the task that trains there, in the folder of the Run's child (see `models.away`).

A network that parts may leave a node at work while its task is given to another one. So whoever
works there holds a lock (`node.lock`) for so long; the kernel gives it back when the process is
gone, and a file server a while after its node is.
"""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from volano.core.clock import SystemClock
from volano.core.errors import ConflictError
from volano.jobs import progress
from volano.jobs.folder import ChildFolder
from volano.jobs.plain import read_object
from volano.models.training import require

WAIT_S = 180.0
"""So long the lock of a node that may be dead is waited for: NFS 4 keeps one for 90 s."""
KNOCK_S = 2.0


class NodeBusyError(ConflictError):
    """Another node still trains in {folder}: {node}."""

    hint = (
        "The cluster has lost that node, which works on. Stop its task there, or wait until it has "
        "ended; then retry the run, which goes on from the checkpoint."
    )


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the lock of the folder; the lock file says who holds it.

    Raises:
        NodeBusyError: another process held it all the time that we waited.
    """
    with (folder / "node.lock").open("a+b") as file:
        until = time.monotonic() + WAIT_S
        while not _taken(file.fileno()):
            if time.monotonic() >= until:
                raise NodeBusyError(folder=folder, node=_holder(file.name))
            time.sleep(min(KNOCK_S, WAIT_S))
        file.truncate(0)
        file.write(f"{socket.gethostname()}, process {os.getpid()}\n".encode())
        file.flush()
        yield


def _taken(fd: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _holder(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip() or "its name is not known"
    except (OSError, UnicodeDecodeError):
        return "its name is not known"


def there(folder: str) -> dict[str, Any]:
    """On a node: make the model of the spec in this folder; return what `making.make` does.

    Raises:
        NotInstalledError: the node lacks packages of the `[train]` extra.
        NodeBusyError: another node still trains there.
        The errors of `making.make`.
    """
    require()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from volano.models.making import make

    files, clock = ChildFolder(Path(folder)), SystemClock()

    def tell(step: int, of: int, **metrics: float) -> None:
        progress.write(files.progress_path, clock.now_us(), step, of, dict(metrics))

    with alone(files.path):
        return make(
            read_object(files.spec_path) or {},
            folder=files.path / "model",
            checkpoint=files.checkpoint_path,
            progress=tell,
        )
