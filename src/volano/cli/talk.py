"""How the command line reaches volano: through control's socket while it is up, else directly.

When nothing runs here, the command takes the folder lock, builds the app
itself, and lets go again. So there is always one writer.
"""

import http.client
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from volano.cli.quick import quick
from volano.core.errors import GateError, NotFoundError, UnavailableError, VolanoError
from volano.settings import Settings, load
from volano.web.api.verb import FAMILY_HEADER, Verb


class NoWorkspaceError(NotFoundError):
    """There is no volano workspace in {home}."""

    hint = "Make one with `volano init` or `volano up`, or name another with --home."


class ControlAwayError(UnavailableError):
    """volano is up here, but its control process does not answer."""

    hint = "It restarts by itself: try again. If it stays so, see .volano/logs/control.log."


class StartingError(ControlAwayError):
    """volano is starting here, and does not answer yet."""

    hint = "Try again in a moment. If it stays so, see .volano/logs/control.log."


class RemoteError(VolanoError):
    """What control answered."""

    def __init__(self, content: Mapping[str, str], status: int):
        super().__init__(content.get("message", ""), hint=content.get("hint", ""))
        self.status = status
        self.shown = content.get("shown", "")
        self._code = content.get("code", "error")

    @property
    def code(self) -> str:
        return self._code


class RemoteGateError(RemoteError, GateError):
    """What control answered: a gate said no."""


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def run_folder(settings: Settings) -> Path:
    """Return the folder of sockets: `.volano/run`, followed when it is a link."""
    return settings.path("run").resolve()


def say(
    verb: Verb, arguments: dict[str, Any], *,
    home: str | None = None, seen: Callable[[Any], None] | None = None,
) -> Any:  # fmt: skip
    """Say a verb to whoever holds the folder.

    `seen` is told how a Run stands that is done here, because nothing runs.
    """
    settings = load(home)
    path = verb.path
    rest = dict(arguments)
    for name in [p.name for p in verb.params if f"{{{p.name}}}" in path]:
        path = path.replace(f"{{{name}}}", quote(str(rest.pop(name)), safe="@:/"))
    answer = ask(settings, verb.method, f"/api/v1{path}", rest)
    if answer is not None:
        return answer[0]
    from volano.app.lock import FolderHeldError

    try:
        return _directly(settings, verb, arguments, seen)
    except FolderHeldError as error:  # somebody took it between the question and now
        if (holder(settings) or {}).get("starting"):
            raise StartingError from error
        raise


def ask(
    settings: Settings, method: str, path: str, arguments: Mapping[str, Any], *,
    timeout_s: float = 3600.0,
) -> tuple[Any] | None:  # fmt: skip
    """Ask control over its socket. Return its answer in a tuple, or None when nothing runs.

    Raises:
        RemoteError: control said no.
        StartingError: `volano up` has begun, and is not ready.
        ControlAwayError: volano is up, but control is not there.
        FolderHeldError: something else has the folder, which answers nobody.
    """
    connection = UnixConnection(str(run_folder(settings) / "control.sock"), timeout_s)
    body = None
    if method == "GET" and arguments:
        asked = {k: ",".join(v) if isinstance(v, tuple) else v for k, v in arguments.items()}
        path = f"{path}?{urlencode(asked)}"
    elif method != "GET":
        body = json.dumps(
            {k: os.fspath(v) if isinstance(v, Path) else v for k, v in arguments.items()}
        )
    try:
        connection.request(method, path, body, {"content-type": "application/json"})
        response = connection.getresponse()
        raw = response.read()
    except (FileNotFoundError, ConnectionRefusedError):
        if (held := holder(settings)) is None:
            return None
        raise _unanswered(settings, held) from None
    except (OSError, http.client.HTTPException) as error:
        raise _unanswered(settings, holder(settings) or {}) from error
    finally:
        connection.close()
    try:
        value: Any = json.loads(raw or b"null")
        if response.status >= 400:
            gate = response.headers.get(FAMILY_HEADER) == GateError.__name__
            raise (RemoteGateError if gate else RemoteError)(value["error"], response.status)
    except (ValueError, TypeError, KeyError) as error:
        raise ControlAwayError from error
    return (value,)


def _unanswered(settings: Settings, held: Mapping[str, Any]) -> VolanoError:
    """Return what to raise where somebody has the folder, and nobody answers."""
    from volano.app.lock import UP, held_by

    if held.get("what", UP) != UP:
        return held_by(settings.path("lock"))
    return StartingError() if held.get("starting") else ControlAwayError()


def holder(settings: Settings) -> dict[str, Any] | None:
    """Return who holds the folder lock, or None when nobody does."""
    from volano.app.lock import holder as read

    return read(settings.path("lock"))


@contextmanager
def offline(settings: Settings) -> Iterator[Any]:
    """Hold the folder and build the app here, without any other process."""
    with quick():
        from volano.app import App
    from volano.app.folder import forget_secrets, make
    from volano.app.lock import FolderLock

    make(settings)
    with FolderLock(settings.path("lock"), {"what": "a command"}):
        try:
            with App(settings, held=True) as app:
                yield app
        finally:
            forget_secrets(settings)


def _directly(
    settings: Settings, verb: Verb, arguments: dict[str, Any], seen: Callable[[Any], None] | None
) -> Any:
    from volano.access.session import local_principal
    from volano.web.api.plain import plain
    from volano.web.api.say import say as say_here

    if not settings.folder.exists():
        raise NoWorkspaceError(home=settings.home)
    with offline(settings) as app:
        result = say_here(app, verb, arguments, by=local_principal(), local=True)
        told = None if seen is None else lambda run: seen(plain(run))
        return plain(app.finish(app.work_off(result, told)))
