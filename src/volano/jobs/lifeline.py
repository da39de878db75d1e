"""The lifeline: a pipe by which a process learns at once that the supervisor is gone.

The supervisor makes the pipe, keeps the only write end and writes nothing. Each
process below it, at any depth, gets the read end (its number stands in
VOLANO_LIFELINE) and waits for the end of file in a thread: the kernel closes
the write end however the supervisor dies, also by kill -9. Nobody then stays
behind as an orphan that writes into the folder of the next `volano up`.
"""

import contextlib
import os
import signal
import stat
import threading
from collections.abc import Mapping
from typing import Any

from volano.jobs.errors import LifelineLostError

ENV = "VOLANO_LIFELINE"
EXIT_CODE = 86
"""The exit status of a process whose lifeline was cut."""


def create() -> tuple[int, int]:
    """Return (read end, write end) of a new lifeline. Keep the write end, and hand it to nobody."""
    return os.pipe()


def inherited() -> int | None:
    """Return the read end that this process was given; None when it has no supervisor.

    Raises:
        LifelineLostError: the environment names a descriptor that is no open pipe.
    """
    text = os.environ.get(ENV, "")
    if not text:
        return None
    try:
        fd = int(text)
        alive = stat.S_ISFIFO(os.fstat(fd).st_mode)
    except (ValueError, OverflowError, OSError):
        alive = False
    if not alive:
        raise LifelineLostError(fd=text)
    return fd


def handed_on(fd: int | None, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the arguments for `subprocess.Popen` that give a child this lifeline (None: none)."""
    outer = dict(os.environ if env is None else env)
    outer.pop(ENV, None)
    if fd is None:
        return {"env": outer, "pass_fds": ()}
    return {"env": {**outer, ENV: str(fd)}, "pass_fds": (fd,)}


def hold(*, whole_group: bool = False) -> int | None:
    """Exit this process as soon as the supervisor is gone; do nothing when there is none.

    With `whole_group`, a process that leads its own process group ends the
    group too: what a heavy library has forked must not stay behind.

    Returns the lifeline's descriptor, to be handed on to children.

    Raises:
        LifelineLostError: the environment names a descriptor that is no open pipe.
    """
    fd = inherited()
    if fd is not None:
        os.set_inheritable(fd, False)
        threading.Thread(
            target=_watch, args=(fd, whole_group), name="lifeline", daemon=True
        ).start()
    return fd


def _watch(fd: int, whole_group: bool) -> None:
    with contextlib.suppress(OSError):
        while os.read(fd, 64):
            pass
    if whole_group and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(EXIT_CODE)
