"""Clients for the benchmarks of engines: threads that ask over kept connections."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from volano.cli.demo.platform import Platform
from volano.cli.talk import offline
from volano.core.principal import SYSTEM
from volano.data import tickets
from volano.models.training.recipe import Recipe
from volano.settings import load

ASKS = [Recipe().render(row["text"]) for row in tickets.generate(7, 200)]
"""The tickets as the model that comes with volano was trained to be asked."""


class Client:
    """One kept connection to an OpenAI-compatible server."""

    def __init__(self, address: str | int, key: str = "", timeout_s: float = 60.0):
        self._address, self._timeout_s = address, timeout_s
        self._headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, model: str, text: str, **more: Any) -> tuple[int, dict[str, Any]]:
        """Return status and answer of one chat completion. Raises OSError or HTTPException."""
        messages = [{"role": "user", "content": text}]
        body = json.dumps({"model": model, "messages": messages, "temperature": 0, **more})
        if self._connection is None:
            self._connection = self._connect()
        try:
            self._connection.request("POST", "/v1/chat/completions", body, self._headers)
            response = self._connection.getresponse()
            return response.status, json.loads(response.read())
        except BaseException:
            self._connection.close()
            self._connection = None
            raise

    def say(self, model: str, text: str, **more: Any) -> str:
        """Return the text of an answer, which must be a good one."""
        status, answer = self.ask(model, text, **more)
        assert status == 200, answer
        return str(answer["choices"][0]["message"]["content"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        if isinstance(self._address, int):
            return http.client.HTTPConnection("127.0.0.1", self._address, timeout=self._timeout_s)
        return _Unix(self._address, timeout=self._timeout_s)


class _Unix(http.client.HTTPConnection):
    """By a Unix socket, also after the server has closed a kept connection."""

    def __init__(self, path: str, *, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def tokens_per_s(
    address: str | int, model: str, *, key: str = "", clients: int = 8, seconds: float = 3.0,
    **more: Any,
) -> float:  # fmt: skip
    """Return the tokens a second that these clients get together; every answer must be good."""
    until = time.monotonic() + seconds

    def work(n: int) -> int:
        client, tokens, at = Client(address, key), 0, n
        while time.monotonic() < until:
            status, answer = client.ask(model, ASKS[at % len(ASKS)], **more)
            assert status == 200, answer
            tokens += answer["usage"]["completion_tokens"]
            at += clients
        return tokens

    begun = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        tokens = sum(pool.map(work, range(clients)))
    return tokens / (time.monotonic() - begun)


@contextmanager
def platform(
    folder: Path, prepare: Callable[[Any], object] = lambda _: None
) -> Iterator[tuple[Platform, str]]:
    """Run volano in this folder, with what `prepare` did to its app before; give it and a key."""
    made = Platform(folder)
    with socket.socket() as probe:  # not the usual port: another run may take it meanwhile
        probe.bind(("127.0.0.1", 0))
        made.port = probe.getsockname()[1]
    made.settings = load(folder, port=made.port)
    made.url = made.settings.url
    folder.mkdir(parents=True, exist_ok=True)
    with offline(made.settings) as app:
        prepare(app)
    with made as running:
        yield running, running.say("POST", "/keys", name="bench")["text"]


def serve(app: Any, channel: str, model: str) -> None:
    """Have a model answer on a channel, as it is: without a prompt."""
    flow = app.flows.compose(channel, model=model, by=SYSTEM)
    release = app.releases.cut(channel, flow=flow.ref, by=SYSTEM)
    app.releases.promote(release.ref, channel=channel, by=SYSTEM)


def wait_until_served(port: int, key: str, channels: Sequence[str], within_s: float = 60) -> None:
    """Wait until each channel has answered."""
    client, until = Client(port, key), time.monotonic() + within_s
    for channel in channels:
        while client.ask(channel, ASKS[0], max_tokens=1)[0] != 200:
            assert time.monotonic() < until, f"{channel} is not served"
            time.sleep(0.1)


class Asking(threading.Thread):
    """Asks until stopped; notes when each call began and ended, and how."""

    def __init__(self, port: int, key: str, channel: str, n: int):
        super().__init__(daemon=True)
        self.calls: list[tuple[float, float, int]] = []
        self._client, self._channel, self._n = Client(port, key), channel, n
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            begun = time.monotonic()
            try:
                status, _ = self._client.ask(self._channel, ASKS[self._n % 200], max_tokens=48)
            except (OSError, http.client.HTTPException):
                status = 0
            self.calls.append((begun, time.monotonic(), status))
            self._n += 8
            if status != 200:
                time.sleep(0.02)

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        self.join(60)
