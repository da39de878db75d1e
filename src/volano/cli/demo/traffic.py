"""The users of the demo: each asks one thing through the front door and says how it was.

They know the right answer, which a real user learns a little later; so each
answer gets feedback: right or wrong, and the correction when asked for.
"""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from volano.core.errors import UnavailableError

Row = Mapping[str, Any]


class NoAnswerError(UnavailableError):
    """The gateway answered {status}: {body}."""


@dataclass
class Answer:
    """What one user got."""

    row: Row
    text: str
    release: str
    trace_id: str
    right: bool


@dataclass
class Tally:
    """What all users got so far."""

    asked: int = 0
    right: int = 0
    corrected: int = 0
    failed: int = 0
    by_release: dict[str, list[int]] = field(default_factory=dict)

    def add(self, answer: Answer) -> None:
        """Count one answer: [answers, right ones] by release."""
        self.asked += 1
        self.right += answer.right
        counts = self.by_release.setdefault(answer.release, [0, 0])
        counts[0] += 1
        counts[1] += answer.right


class Users:
    """Asks and judges over keep-alive connections, one a thread."""

    def __init__(self, port: int, key: str, channel: str, expected: Callable[[Row], str]):
        self._port = port
        self._key = key
        self._channel = channel
        self._expected = expected
        self._here = threading.local()
        self._lock = threading.Lock()
        self._number = 0
        self.tally = Tally()

    def ask(self, row: Row, *, correct: bool = False) -> Answer:
        """Ask, then tell whether the answer was right; with `correct`, what was right.

        Raises:
            NoAnswerError: the gateway refused.
        """
        with self._lock:
            self._number += 1
            user = f"user-{self._number}"
        messages = [{"role": "user", "content": row["text"]}]
        body = {"model": self._channel, "messages": messages, "user": user}
        response, raw = self._post("/v1/chat/completions", body)
        if response.status != 200:
            raise NoAnswerError(status=response.status, body=raw[:200].decode(errors="replace"))
        text = json.loads(raw)["choices"][0]["message"]["content"].strip()
        expected = self._expected(row)
        answer = Answer(
            row=row,
            text=text,
            release=response.headers["x-volano-release"],
            trace_id=response.headers["x-volano-trace"],
            right=text == expected,
        )
        self._judge(answer, expected if correct and not answer.right else None)
        with self._lock:
            self.tally.add(answer)
        return answer

    def _judge(self, answer: Answer, correction: str | None) -> None:
        body: dict[str, Any] = {"name": "correct", "value": 1.0 if answer.right else 0.0}
        if correction is not None:
            body["correction"] = correction
        response, raw = self._post(f"/api/v1/traces/{answer.trace_id}/feedback", body)
        if response.status != 200:
            raise NoAnswerError(status=response.status, body=raw[:200].decode(errors="replace"))
        if correction is not None:
            with self._lock:
                self.tally.corrected += 1

    def _post(self, path: str, body: Any) -> tuple[http.client.HTTPResponse, bytes]:
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        for last in (False, True):
            connection = self._connection()
            try:
                connection.request("POST", path, json.dumps(body).encode(), headers)
                response = connection.getresponse()
                return response, response.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                del self._here.connection
                if last:
                    raise
        raise AssertionError("unreachable")

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._here, "connection"):
            self._here.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection: http.client.HTTPConnection = self._here.connection
        return connection


def play(
    users: Users,
    rows: Iterator[Row],
    *,
    until: Callable[[], bool],
    most_s: float,
    correct: bool = False,
    at_once: int = 6,
) -> float:
    """Let users ask until told to stop, or for `most_s` seconds. Return how long it took."""
    begun = time.monotonic()
    stop = threading.Event()
    lock = threading.Lock()

    def one() -> None:
        while not stop.is_set():
            with lock:
                row = next(rows)
            try:
                users.ask(row, correct=correct)
            except (OSError, http.client.HTTPException, NoAnswerError):
                with lock:
                    users.tally.failed += 1
                stop.wait(0.05)

    with ThreadPoolExecutor(at_once) as pool:
        tasks = [pool.submit(one) for _ in range(at_once)]
        try:
            while not until() and time.monotonic() - begun < most_s:
                time.sleep(0.05)
        finally:
            stop.set()
        for task in tasks:
            task.result()
    return time.monotonic() - begun
