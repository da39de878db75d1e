"""Starts `volano up` in the demo's folder, and speaks to it as any client would."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from volano.app.lock import holder
from volano.cli import talk
from volano.core.errors import ConflictError, UnavailableError, VolanoError
from volano.serving.supervisor import die_with_parent
from volano.settings import load

PREFERRED_PORT = 7070
READY_WITHIN_S = 90.0
STOPS_WITHIN_S = 60.0


class FolderTakenError(ConflictError):
    """The folder {folder} exists already, and the demo begins in a fresh one."""

    hint = "Name another with --folder, or delete it: rm -r {folder}"


class UpFailedError(UnavailableError):
    """`volano up` did not become ready: {why}."""

    hint = "See {logs}."


class RunFailedError(VolanoError):
    """The Run {id} ({kind}) ended as {state}: {error}."""

    hint = "See it with `volano run show {id}`, start it again with `volano run retry {id}`."


class Platform:
    """A running volano, from `__enter__` to `__exit__`."""

    def __init__(self, folder: Path):
        if folder.exists() and any(folder.iterdir()):
            raise FolderTakenError(folder=folder)
        self.folder = folder
        self._at(PREFERRED_PORT if _free(PREFERRED_PORT) else 0)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Platform":
        self.folder.mkdir(parents=True, exist_ok=True)
        log = (self.folder / "up.log").open("ab")
        argv = [sys.executable, "-m", "volano.cli.main", "--home", str(self.folder)]
        self._process = subprocess.Popen(
            [*argv, "up", "--port", str(self.port)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGTERM),  # noqa: PLW1509
        )  # fmt: skip
        log.close()
        self._wait()
        return self

    def say(self, method: str, path: str, /, **arguments: Any) -> Any:
        """Ask control's API over its socket, as the command line does."""
        answer = talk.ask(self.settings, method, f"/api/v1{path}", arguments)
        if answer is None:
            raise UpFailedError(why="it is not running", logs=self.folder / "up.log")
        return answer[0]

    def run(self, path: str, /, *, watch: Any = None, **arguments: Any) -> Mapping[str, Any]:
        """Start a Run and wait for its end.

        Raises:
            RunFailedError: it failed.
        """
        run = self.say("POST", path, **arguments)
        while run["state"] in {"queued", "running"}:
            time.sleep(0.2)
            run = self.say("GET", f"/runs/{run['id']}")
            if watch is not None:
                watch(run)
        if run["state"] != "done":
            raise RunFailedError(**{k: run[k] for k in ("id", "kind", "state", "error")})
        outputs: Mapping[str, Any] = run["outputs"]
        return {**outputs, "run": run}

    def processes(self) -> dict[str, int]:
        """Return the pids of the platform's processes by name, without those that only leave."""
        state = json.loads(self.settings.path("run", "state.json").read_text())
        there = {n: c for n, c in state["children"].items() if c["pid"] or "leaving" not in c}
        return {name: child["pid"] for name, child in there.items()}

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _at(self, port: int) -> None:
        """Note where it is; at port 0 it is not known before it listens."""
        self.port = port
        self.settings = load(self.folder, port=port)
        self.url = f"http://127.0.0.1:{port}"

    def _wait(self) -> None:
        """Wait for "Ready": `volano up` says it only when its front door answers."""
        until = time.monotonic() + READY_WITHIN_S
        log = self.folder / "up.log"
        while time.monotonic() < until:
            text = log.read_text(errors="replace")
            if "Ready in" in text:
                told = holder(self.settings.path("lock")) or {}
                self._at(told.get("port", self.port))
                return
            if self._process is not None and self._process.poll() is not None:
                raise UpFailedError(why=text.strip()[-300:] or "it ended", logs=log)
            time.sleep(0.05)
        raise UpFailedError(why=f"not within {READY_WITHIN_S:.0f} s", logs=log)


def _free(port: int) -> bool:
    """Whether nobody listens there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def terminal() -> bool:
    """Whether progress may be drawn over itself."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
