"""A worker: one process, one loop, one listening socket that it shares with its siblings."""

import asyncio
import logging
import os
import resource
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvloop

from volano.core.clock import SystemClock
from volano.core.errors import VolanoError
from volano.core.memory import settle_memory
from volano.costs.purse import Purse
from volano.gateway.budgets import Budgets
from volano.gateway.certify import Renewal
from volano.gateway.front import Front
from volano.gateway.limits import Admission
from volano.gateway.shadow import Copies
from volano.gateway.shared import Shared
from volano.gateway.snapshot import read
from volano.gateway.state import Limits, State
from volano.gateway.tally import Tally
from volano.gateway.vitals import open_pulse
from volano.traces.spool import Spool
from volano.wire.http_client import Origin, Timeouts
from volano.wire.http_server import Server
from volano.wire.timers import NEVER
from volano.wire.tls import HANDSHAKE_S, Certificate

POLL_S = 0.01
"""How often a worker looks for a new snapshot."""
SWEEP_S = 1.0
"""How often it looks which workers live: what dead ones held of limits is given back then."""
BACKLOG = 1024
_RELAY = Timeouts(connect_s=2.0, first_byte_s=600.0, idle_s=NEVER, total_s=NEVER)

_log = logging.getLogger("volano.gateway")


def run(
    listen_fd: int,
    folder: Path,
    worker_name: str,
    relay_path: Path | None = None,
    limits: Limits | None = None,
    tls: tuple[Path, Path] | None = None,
) -> None:
    """Serve on an inherited listening socket until SIGTERM, then drain and return.

    `folder` is the state folder: reads `run/snapshot.json`, uses `run/shared.bin`,
    `run/limits.bin` and `run/budgets.bin`, writes `spool/`. `relay_path` is control's
    socket (default `run/relay.sock`).
    `tls` are the files of certificate and key when the socket is to speak https.

    Raises:
        BadCertificateError: certificate or key cannot be used.
    """
    relay = relay_path or (folder / "run").resolve() / "relay.sock"  # short in a deep folder
    certificate = Certificate(*tls) if tls else None
    _allow_files()
    uvloop.run(_main(listen_fd, folder, worker_name, relay, limits or Limits(), certificate))


async def _main(
    fd: int,
    folder: Path,
    name: str,
    relay_path: Path,
    limits: Limits,
    certificate: Certificate | None,
) -> None:
    loop = asyncio.get_running_loop()
    shared = Shared(folder / "run" / "shared.bin")
    slot = shared.claim(os.getpid())
    seat = Tally(folder / "run" / "limits.bin").claim(os.getpid())
    pulse = open_pulse(folder / "run" / "vitals.bin", os.getpid(), name)
    with Spool(folder / "spool", name, max_total_bytes=limits.spool_bytes) as spool:
        spool.start_syncing()
        state = State(
            loop, name=name, spool=spool, slot=slot, clock=SystemClock(), limits=limits,
            admission=Admission(seat),
            budgets=Budgets(Purse(folder / "run" / "budgets.bin", spool.life)),
            pulse=pulse,
        )  # fmt: skip
        state.copies = copies = Copies(state)
        relay = Origin(f"unix:{relay_path}", state.wheel, loop, timeouts=_RELAY)
        listening = socket.socket(fileno=os.dup(fd))
        port = listening.getsockname()[1]
        server = Server(Front(state, relay, port, tls=certificate is not None), state.wheel, loop)
        watcher = Watcher(state, folder / "run" / "snapshot.json")
        watcher.look()
        watcher.sweep()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        listener = await loop.create_server(
            server, sock=listening, backlog=BACKLOG, **_secured(certificate)
        )
        renewal = Renewal(certificate, loop)
        settle_memory()
        await stop.wait()
        listener.close()
        await server.drain(limits.drain_s)
        watcher.close()
        renewal.close()
        relay.close()
        copies.stop()
        state.close()
        state.budgets.close()
        slot.free()
        seat.leave()
        pulse.leave()


def _secured(certificate: Certificate | None) -> dict[str, Any]:
    if certificate is None:
        return {}
    return {"ssl": certificate.context, "ssl_handshake_timeout": HANDSHAKE_S}


def _allow_files() -> None:
    """Take all open files that the system allows: a stream needs two."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Watcher:
    """Looks for a new generation every `POLL_S` and applies its snapshot."""

    def __init__(self, state: State, path: Path):
        self._state = state
        self._path = path
        self._seen = -1
        self._handle: asyncio.TimerHandle | None = None
        self._sweeping: asyncio.TimerHandle | None = None

    def sweep(self) -> None:
        """Let the limits know which workers live, now and every `SWEEP_S`."""
        self._sweeping = self._state.loop.call_later(SWEEP_S, self.sweep)
        self._state.admission.sweep()
        self._state.pulse.show(self._state.healths, self._state.wheel.now)

    def look(self) -> None:
        """Apply the newest snapshot when there is a newer one; a bad one is refused and logged."""
        self._handle = self._state.loop.call_later(POLL_S, self.look)
        self._state.budgets.tend()
        generation = self._state.slot.generation
        if generation == self._seen:
            return
        self._seen = generation
        if self._state.routes.snapshot.generation == 0 and not self._path.exists():
            return  # nothing is published yet in this life of the platform
        try:
            snapshot = read(self._path)
            self._state.apply(snapshot)
            self._seen = max(generation, snapshot.generation)
        except VolanoError as error:
            _log.error("%s %s", error, error.advice)
        except Exception:  # noqa: BLE001 - the old snapshot stays, the worker goes on
            _log.exception("a snapshot could not be applied")

    def close(self) -> None:
        """Stop looking."""
        for handle in (self._handle, self._sweeping):
            if handle is not None:
                with suppress(RuntimeError):
                    handle.cancel()
