"""`volano up`: one quiet block of text, then silence; Ctrl-C drains.

The supervisor runs in this process. It owns the folder lock and the listening
socket, so that a worker's restart drops nobody, and says "Ready" only when a
request through the front door was answered.
"""

import errno
import http.client
import json
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from volano import __version__
from volano.app import folder as folders
from volano.app.lock import UP, FolderLock
from volano.cli import talk
from volano.cli.cells import talk as tell
from volano.core.errors import UnavailableError
from volano.gateway.shared import Shared
from volano.serving.memory import MemoryLimit
from volano.serving.renewal import Renewals
from volano.serving.spec import EngineSpec
from volano.serving.spec import command as command_of
from volano.serving.supervisor import Command, Supervisor
from volano.serving.wanted import Wanted
from volano.settings import Settings, load
from volano.wire.tls import Certificate

TICK_S = 0.02
READY_WITHIN_S = 60.0
WAITING = "waiting for "
GIVE_UP_AFTER = 3
"""A process that ended this often before "Ready" will not come up by waiting."""
WORKER_GRACE_S = 35.0
"""Longer than a worker's own drain (`gateway.state.Limits`), so that it ends by itself."""


class PortTakenError(UnavailableError):
    """Port {port} on {host} is taken by another program."""

    hint = "Choose another one: volano up --port {other}"


class NoListenError(UnavailableError):
    """volano cannot listen on {host} port {port}: {why}."""

    hint = "Choose another port: volano up --port 7070"


class KeepsEndingError(UnavailableError):
    """volano cannot start: {why}"""

    hint = "See {logs}."


class NotReadyError(UnavailableError):
    """volano did not become ready within {seconds} seconds: {why}."""

    hint = "The reason is in {logs}."


@click.command("up", help="Start the platform here; Ctrl-C stops it.")
@click.option("--port", type=int, help="Port of gateway and console. [default: 7070]")
@click.option("--host", help="Address to listen on; loopback only. [default: 127.0.0.1]")
@click.option("--workers", type=int, help="Gateway processes. [default: 1]")
@click.pass_context
def command(ctx: click.Context, **flags: Any) -> None:
    """Start the platform and stay until Ctrl-C."""
    settings = load(ctx.obj["home"], **flags)
    if settings.tls_files:
        Certificate(*settings.tls_files)  # one that cannot be used is said now, not in a log
    new = not settings.folder.exists()
    folders.make(settings)
    with (
        FolderLock(settings.path("lock"), {"what": UP, "starting": True}) as lock,
        _listen(settings) as listener,
    ):
        settings = load(ctx.obj["home"], **{**flags, "port": listener.getsockname()[1]})
        about = {"what": UP, "url": settings.url, "port": settings.port}
        lock.tell(**about, starting=True)
        Platform(settings, listener, started=lambda: lock.tell(**about)).run(new=new)


class Platform:
    """The supervised processes of one folder. `started` is called when they are ready."""

    def __init__(
        self, settings: Settings, listener: socket.socket, *, started: Callable[[], object]
    ):
        self._started = started
        self._settings = settings
        self._supervisor = Supervisor(settings.path("logs"))
        self._listener = listener
        self._wanted = Wanted(settings.path("run", "engines.json"))
        self._renewals = Renewals(settings.path("run", "renew.json"))
        self._memory = MemoryLimit(settings.engine_max_mib << 20)
        self._to_renew: list[str] = []
        self._successor: tuple[str, int] | None = None
        self._told: Any = None
        self._asked_to_stop = 0

    def run(self, *, new: bool) -> None:
        """Start, say so, keep alive until asked to stop, drain."""
        begun = time.monotonic()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask_to_stop)
        os.set_inheritable(self._listener.fileno(), True)
        self._renewals.forget()
        self._settings.path("run", "vitals.bin").unlink(missing_ok=True)
        self._shared = Shared(self._settings.path("run", "shared.bin"))
        try:
            for process in self._processes():
                self._supervisor.add(process)
            missing = self._wait_until_ready(begun + READY_WITHIN_S)
            if not self._asked_to_stop:
                self._started()
                self._welcome(new, time.monotonic() - begun, missing)
            while not self._asked_to_stop:
                self._tick()
        finally:
            self._drain()

    def _processes(self) -> list[Command]:
        fd = self._listener.fileno()
        workers = [
            self._process(
                f"worker-{n}",
                "worker",
                f"worker-{n}",
                str(fd),
                pass_fds=(fd,),
                grace_s=WORKER_GRACE_S,
            )
            for n in range(self._settings.workers)
        ]
        return [
            self._process("recorder", "recorder"),
            self._process("control", "control"),
            *workers,
        ]

    def _process(
        self, name: str, *words: str, pass_fds: Sequence[int] = (), grace_s: float = 10.0
    ) -> Command:
        values = {name: getattr(self._settings, name) for name in (*self._settings.origins, "port")}
        raw = json.dumps({**values, "home": str(self._settings.home)})
        module = (sys.executable, "-m", "volano.cli.processes")
        return Command(name, (*module, words[0], raw, *words[1:]), tuple(pass_fds), grace_s)

    def _tick(self) -> None:
        self._supervisor.tick()
        wanted = self._wanted.changed()
        if wanted is not None:
            self._supervisor.want([_engine(spec) for spec in wanted], prefix="engine-")
        self._memory.tick(self._supervisor.pids("engine-"))
        self._renew()
        self._tell_state()
        time.sleep(TICK_S)

    def _renew(self) -> None:
        """Renew workers one after the other: a successor serves before its predecessor ends."""
        children = self._supervisor.children
        self._to_renew += [n for n in self._renewals.news() if n not in self._to_renew]
        if self._successor is not None:
            name, pid = self._successor
            process = children[name].process
            if process is None or process.pid != pid:  # it ended, and was or will be started again
                self._successor = (name, process.pid if process is not None else 0)
            elif self._shared.workers().get(pid):
                self._supervisor.let_go(name)
                self._successor = None
        elif self._to_renew:
            name = self._to_renew.pop(0)
            if name.startswith("worker-") and name in children:
                self._successor = (name, self._supervisor.renew(name))

    def _tell_state(self) -> None:
        """Write pids and restarts for `volano status` and for tests, when they change."""
        state = self._supervisor.state()
        if state == self._told:
            return
        self._told = state
        path = self._settings.path("run", "state.json")
        partial = path.with_suffix(".partial")
        partial.write_text(
            json.dumps({"pid": os.getpid(), "url": self._settings.url, "children": state})
        )
        partial.replace(path)

    def _wait_until_ready(self, until: float) -> str:
        """Wait until all answers. Return what is missing when it is engines only.

        One release that cannot run must not keep its owner out: through the
        open doors it can be taken back.
        """
        why = "no answer"
        while time.monotonic() < until and not self._asked_to_stop:
            self._tick()
            why = _health(self._settings)
            if not why:
                return ""
            self._give_up_on_the_hopeless()
            if why.startswith(WAITING) and self._engines_keep_ending():
                break
        if not self._asked_to_stop and not why.startswith(WAITING):
            logs = self._settings.path("logs")
            raise NotReadyError(seconds=int(READY_WITHIN_S), why=why.rstrip("."), logs=logs)
        return why

    def _give_up_on_the_hopeless(self) -> None:
        """Stop waiting for a process that ends again and again, and say what it said."""
        for name, child in self._supervisor.children.items():
            if child.restarts >= GIVE_UP_AFTER and not name.startswith("engine-"):
                log = self._settings.path("logs", f"{name}.log")
                why, hint = _last_words(log)
                raise KeepsEndingError(why=why or f"{name} keeps ending.", logs=log, hint=hint)

    def _engines_keep_ending(self) -> bool:
        engines = [c for n, c in self._supervisor.children.items() if n.startswith("engine-")]
        return any(child.restarts >= GIVE_UP_AFTER for child in engines)

    def _welcome(self, new: bool, seconds: float, missing: str) -> None:
        answer = talk.ask(self._settings, "POST", "/api/v1/welcome", {})
        facts = answer[0] if answer else {}
        settings = self._settings
        lines = [
            f"volano {__version__}   {settings.home}{' (new)' if new else ''}",
            f"state in {_short(settings.folder)}/ (delete it to start over)",
            "",
            f"gateway   {settings.url}/v1    speaks the OpenAI API",
            f"console   {settings.url}/?session={facts.get('session', '')}",
        ]
        lines += [f"answers   {name:<14} {ref}" for name, ref in facts.get("channels", {}).items()]
        lines += [f"refused   {name:<14} {why}" for name, why in facts.get("refused", {}).items()]
        if facts.get("key"):
            lines += [
                f"key       {facts['key']}",
                "          (shown this once; more with `volano key create NAME`)",
            ]
        if missing:
            logs = _short(settings.path("logs"))
            lines += [f"missing   {missing}: no engine answers yet, see {logs}/engine-*.log"]
        lines += [
            "",
            f"Ready in {seconds:.1f} s.   Next: {facts.get('next', 'volano status')}   Stop: Ctrl-C",
        ]
        click.echo("\n".join("  " + line if line else "" for line in lines))
        sys.stdout.flush()

    def _ask_to_stop(self, *_: Any) -> None:
        """First ask: drain. Second: now."""
        self._asked_to_stop += 1
        if self._asked_to_stop > 1:
            self._supervisor.kill()

    def _drain(self) -> None:
        """Workers finish their calls first; the recorder writes the last rows last."""
        tell("\nstopping: open requests finish first (Ctrl-C again to stop now)")
        self._listener.close()
        self._supervisor.stop(("worker-", "control", "engine-", "recorder"))
        self._settings.path("run", "state.json").unlink(missing_ok=True)
        folders.forget_secrets(self._settings)


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise NoListenError(
                host=settings.host, port=settings.port, why=error.strerror
            ) from error
        other = settings.port + 1 if settings.port < 65535 else 7070
        raise PortTakenError(host=settings.host, port=settings.port, other=other) from error
    listener.listen(1024)
    listener.setblocking(False)
    return listener


def _engine(spec: EngineSpec) -> Command:
    return Command(f"engine-{spec.name}", tuple(command_of(spec)), grace_s=3.0)


def _health(settings: Settings) -> str:
    """Ask through the front door. Return what is missing; empty when all is well."""
    connection = _knock(settings)
    try:
        connection.request("GET", "/api/v1/health")
        response = connection.getresponse()
        answer = json.loads(response.read() or b"{}")
        if response.status == 200:
            return ""
        return answer.get("error", {}).get("message", f"status {response.status}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"no answer yet ({type(error).__name__})"
    finally:
        connection.close()


def _knock(settings: Settings) -> http.client.HTTPConnection:
    """Connect to our own port. Its certificate is for other names, and nothing secret is said."""
    if not settings.tls:
        return http.client.HTTPConnection(settings.host, settings.port, timeout=2)
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname = False
    anyone.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(settings.host, settings.port, timeout=2, context=anyone)


def _last_words(log: Path) -> tuple[str, str | None]:
    """Return what a process said last: its error, and its hint where it gave one."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [n for n, line in enumerate(lines) if line.startswith("error: ")]
    if not errors:
        return (lines[-1].strip()[:300] if lines else ""), None
    said = [line.partition(":")[2].strip() for line in lines[errors[-1] : errors[-1] + 2]]
    return said[0], said[1] if len(said) > 1 else None


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
