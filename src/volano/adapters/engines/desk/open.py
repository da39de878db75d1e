"""Open: serve a door on its Unix socket until SIGTERM, then let those inside finish."""

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from volano.adapters.engines.desk.door import Door
from volano.core.errors import VolanoError
from volano.jobs import lifeline
from volano.serving.errors import EngineFailedError
from volano.serving.sockets import clear_socket
from volano.serving.spec import EngineSpec

DRAIN_S = 2
"""Within the supervisor's grace: answers under way end by themselves, or are cut."""
BACKLOG = 1024


def main(load: Callable[[EngineSpec], Door], says: str) -> int:
    """Read the command line, load the model and serve it; return the exit code."""
    parser = argparse.ArgumentParser(description=says)
    parser.add_argument("--spec", required=True, help="an EngineSpec as JSON")
    arguments = parser.parse_args()
    lifeline.hold()
    try:
        serve(EngineSpec.from_json(arguments.spec), load)
    except VolanoError as error:
        sys.stderr.write(f"{error.message}\n{error.advice}\n")
        return 1
    return 0


def serve(spec: EngineSpec, load: Callable[[EngineSpec], Door]) -> None:
    """Serve until SIGTERM.

    The socket appears when the model is loaded: who can connect is answered.

    Raises:
        EngineFailedError: the model cannot be used.
        AddressTakenError: another process listens there.
    """
    clear_socket(spec.socket, spec.address)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o077)
    try:
        door = load(spec)
    except VolanoError:
        raise
    except Exception as error:  # a native library's own errors: its words are the reason
        reason = f"{type(error).__name__}: {error}"[:400].rstrip(".")
        raise EngineFailedError(name=spec.name, reason=f"`{spec.model_path}`: {reason}") from error
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(spec.socket))
        listener.listen(BACKLOG)
        try:
            asyncio.run(_serve(door, listener))
        finally:
            with suppress(FileNotFoundError):
                spec.socket.unlink()


async def _serve(door: Door, listener: socket.socket) -> None:
    config = uvicorn.Config(
        door.site(), log_level="error", access_log=False, lifespan="off", loop="asyncio",
        timeout_graceful_shutdown=DRAIN_S, proxy_headers=False, server_header=False,
        backlog=BACKLOG,
    )  # fmt: skip
    server = uvicorn.Server(config)

    def stop() -> None:
        door.draining = server.should_exit = True

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop)
    await server._serve(sockets=[listener])  # noqa: SLF001 - `serve` would take the signals itself
