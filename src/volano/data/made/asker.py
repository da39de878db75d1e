"""The asker: puts one question to a channel, and asks again where that may help.

Asked again, a bounded number of times: when the gateway says to come later
(429, 503 with `Retry-After`), when something behind it failed (5xx), and when
no answer came. A budget that is spent ends all asking.
"""

import json
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from volano.core.lazy import lazy
from volano.core.retry_after import seconds
from volano.data.made.errors import GatewayRefusedError, NoKeyError

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = lazy("httpx2")

LONGEST_WAIT_S = 60.0
MAX_ANSWER_BYTES = 8 * 2**20
_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504, 529))
_FIRST_WAIT_S = 0.5

Message = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a channel answered: by which release, on which trace, for how many tokens."""

    text: str
    finish: str = ""
    release: str = ""
    trace: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


class Unanswered(Exception):
    """There is no answer. `lasting`: asking again would not help; `over`: nothing more is asked."""

    def __init__(self, reason: str, detail: str = "", *, lasting: bool = False, over: bool = False):
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.lasting = lasting
        self.over = over


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how to ask: the gateway's address, the channel, and how long and often."""

    address: str
    channel: str
    timeout_s: float
    retries: int


class Asker:
    """Asks one channel. May be used by several threads."""

    def __init__(self, place: Place, key: str, *, connections: int, pause: Callable[[float], None]):
        self._place = place
        self._pause = pause
        self._client = httpx2.Client(
            base_url=place.address.rstrip("/"), headers={"authorization": f"Bearer {key}"},
            timeout=httpx2.Timeout(place.timeout_s), trust_env=False,
            limits=httpx2.Limits(max_connections=connections),
        )  # fmt: skip

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def ask(self, messages: Sequence[Message], options: Mapping[str, Any]) -> Answer:
        """Return the answer.

        Raises:
            Unanswered: there is none.
            GatewayRefusedError: the key or the channel is no good, for this question and all others.
        """
        body = {"model": self._place.channel, "messages": list(messages), **options}
        for attempt in range(self._place.retries + 1):
            last = attempt == self._place.retries
            try:
                status, headers, content = self._post(body)
            except httpx2.TransportError as error:
                if last:
                    why = f"{type(error).__name__}: {error}"[:200]
                    raise Unanswered("no answer", why) from error
                self._pause(_wait_s(attempt, None))
                continue
            if status == 200:
                return _read(headers, content)
            self._refused(status, headers, content)
            if last:
                raise Unanswered(f"status {status}", _said(content)[1])
            self._pause(_wait_s(attempt, headers.get("retry-after")))
        raise AssertionError("returned or raised above")

    def _post(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        content = bytearray()
        with self._client.stream("POST", "/v1/chat/completions", json=body) as response:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > MAX_ANSWER_BYTES:
                    raise Unanswered(
                        "answer too long", f"over {MAX_ANSWER_BYTES} bytes", lasting=True
                    )
            return response.status_code, response.headers, bytes(content)

    def _refused(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        """Raise where asking again would not help."""
        code, message = _said(content)
        if code == "budget_spent":
            raise Unanswered("the gateway's budget is spent", message, over=True)
        if status in (401, 403, 404):
            raise GatewayRefusedError(
                address=self._place.address, channel=self._place.channel,
                why=message or f"status {status}",
            )  # fmt: skip
        if status not in _AGAIN or headers.get("x-should-retry") == "false":
            raise Unanswered(f"refused ({status})", message, lasting=True)


def key_of(variable: str, file: str) -> str:
    """Return the gateway key from a file, else from a variable of the environment.

    Raises:
        NoKeyError: it is not there.
    """
    if file:
        try:
            found = Path(file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NoKeyError(why=f"`{file}` cannot be read: {error}") from error
    else:
        found = os.environ.get(variable, "").strip()
    if not found or not found.isascii() or not found.isprintable():
        what = f"`{file}` holds none" if file else f"the variable `{variable}` holds none"
        raise NoKeyError(why=what)
    return found


def _wait_s(attempt: int, asked: str | None) -> float:
    """Return how long to wait: what the gateway says, else longer each time, never alike."""
    wait = seconds(asked or "")
    if wait is None:
        wait = _FIRST_WAIT_S * 2**attempt * random.uniform(0.75, 1.25)
    return min(wait, LONGEST_WAIT_S)


def _read(headers: Mapping[str, str], content: bytes) -> Answer:
    try:
        told = json.loads(content)
        choice = told["choices"][0]
        text = choice["message"]["content"]
        usage = told.get("usage") or {}
        answer = Answer(
            "" if text is None else text.encode("utf-8", "replace").decode(),
            str(choice.get("finish_reason") or ""),
            headers.get("x-volano-release", ""), headers.get("x-volano-trace", ""),
            int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0),
        )  # fmt: skip
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Unanswered("no chat answer", f"{type(error).__name__}: {error}"[:200]) from error
    return answer


def _said(content: bytes) -> tuple[str, str]:
    """Return an error's code and message."""
    try:
        error = json.loads(content)["error"]
        return str(error.get("code") or ""), str(error.get("message") or "")[:300]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", content[:200].decode(errors="replace")
