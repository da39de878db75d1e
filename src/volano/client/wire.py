"""One server, a few kept connections: JSON up, JSON down, over the standard library's http.client.

Redirects are never followed: a key must not travel where its owner did not
send it. A connection that the server closed while it was idle is replaced,
once, by a new one.
"""

import http.client
import json
import re
import socket
import threading
from dataclasses import dataclass
from http.client import HTTPMessage
from typing import Any
from urllib.parse import SplitResult, urlsplit

from volano.client.errors import (
    BadAddressError,
    BadKeyError,
    UnexpectedAnswerError,
    UnreachableError,
)
from volano.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    VolanoError,
)

_MAX_ANSWER_BYTES = 16 << 20
_MAX_KEPT = 8
_KEY = re.compile(r"[\x21-\x7e]+")
_FAMILIES: dict[int, type[VolanoError]] = {
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: NotFoundError,
    413: TooLargeError,
}
_STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever it says."""

    status: int
    headers: HTTPMessage
    body: bytes


class Wire:
    """Sends requests to one server. Safe to use from many threads."""

    def __init__(self, base_url: str, key: str | None, timeout_s: float):
        """Check address and key; nothing is sent yet.

        Raises:
            BadAddressError, BadKeyError: they cannot be used.
        """
        self._url, self._timeout_s = _address(base_url), timeout_s
        self._headers = {"accept": "application/json", "content-type": "application/json"}
        if key is not None:
            if not _KEY.fullmatch(key):
                raise BadKeyError
            self._headers["authorization"] = f"Bearer {key}"
        self._kept: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    @property
    def base_url(self) -> str:
        """The address of the server, without a slash at its end."""
        return self._url.geturl()

    def post(self, path: str, content: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        """Send JSON, return the JSON object of the answer.

        Raises:
            VolanoError: of the family that fits the status, with the server's message and hint.
            UnreachableError: no server, or no answer within the time limit.
            UnexpectedAnswerError: it is no volano that answers.
        """
        try:
            body = json.dumps(content, allow_nan=False).encode()
        except ValueError as error:
            raise InvalidError(f"This cannot be sent as JSON: {error}.") from error
        return self.read(self.exchange("POST", path, body, headers))

    def exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
        *,
        timeout_s: float | None = None,
    ) -> Answer:
        """Send a request and return the answer, also a refusal.

        Raises:
            UnreachableError: no server, or no answer within the time limit.
        """
        request = _Request(method, self._url.path + path, body, self._headers | headers)
        return self._send(request, timeout_s or self._timeout_s)

    def read(self, answer: Answer) -> dict[str, Any]:
        """Return the JSON object of an answer.

        Raises:
            VolanoError: as in `post`.
        """
        status, content = answer.status, parsed(answer.body)
        if 200 <= status < 300:
            if isinstance(content, dict):
                return content
            raise UnexpectedAnswerError(url=self.base_url, what=f"status {status}, no JSON object")
        if status < 400:
            what = f"status {status}; redirects are not followed"
            raise UnexpectedAnswerError(url=self.base_url, what=what)
        raise _error(status, content)

    def forget(self) -> None:
        """Let go of the connections without a word on them: they are another process's now."""
        self._lock, self._kept = threading.Lock(), []

    def close(self) -> None:
        """Close the kept connections; the next request opens a new one."""
        with self._lock:
            kept, self._kept = self._kept, []
        for connection in kept:
            connection.close()

    def _send(self, request: "_Request", timeout_s: float) -> Answer:
        connection, used = self._take(timeout_s)
        try:
            try:
                return self._once(connection, request)
            except _STALE:
                if not used:
                    raise
                connection.close()
                connection = self._connection(timeout_s)
                return self._once(connection, request)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            why = str(error) or type(error).__name__
            raise UnreachableError(url=self.base_url, why=why) from error
        except BaseException:
            connection.close()
            raise

    def _once(self, connection: http.client.HTTPConnection, request: "_Request") -> Answer:
        connection.request(request.method, request.target, request.body, request.headers)
        response = connection.getresponse()
        body = response.read(_MAX_ANSWER_BYTES)
        if response.isclosed() and not response.will_close:
            self._keep(connection)
        else:
            connection.close()
        return Answer(response.status, response.headers, body)

    def _take(self, timeout_s: float) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            kept = self._kept.pop() if self._kept else None
        if kept is None:
            return self._connection(timeout_s), False
        kept.timeout = timeout_s
        if kept.sock is not None:
            kept.sock.settimeout(timeout_s)
        return kept, True

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if len(self._kept) < _MAX_KEPT:
                self._kept.append(connection)
                return
        connection.close()

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        https = self._url.scheme == "https"
        make = http.client.HTTPSConnection if https else _PromptConnection
        return make(self._url.hostname or "", self._url.port, timeout=timeout_s)


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    target: str
    body: bytes | None
    headers: dict[str, str]


class _PromptConnection(http.client.HTTPConnection):
    """A connection that sends small requests at once."""

    def connect(self) -> None:
        super().connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def parsed(body: bytes) -> Any:
    """Return what a body of JSON says; None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _address(text: str) -> SplitResult:
    try:
        url = urlsplit(text.rstrip("/"))
        good = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError as error:
        raise BadAddressError(url=text) from error
    if not good or url.query or url.fragment or url.username is not None:
        raise BadAddressError(url=text)
    return url


def _error(status: int, content: Any) -> VolanoError:
    """Make the error that the server meant, in whichever of the known forms it said it."""
    said = content.get("error", content) if isinstance(content, dict) else None
    said = said if isinstance(said, dict) else {"message": said}
    message, hint = said.get("message"), said.get("hint")
    if not isinstance(message, str) or not message:
        message = f"The server refused it with status {status}."
    family = _FAMILIES.get(
        status, UnavailableError if status in (429, *range(500, 600)) else InvalidError
    )
    return family(message, hint=hint if isinstance(hint, str) else None)
