"""HttpChat: the Chat port over OpenAI's chat completions, by TCP or Unix socket; and its embeddings."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from volano.core.lazy import lazy
from volano.core.ports.chat import Answer
from volano.serving.errors import (
    BadAddressError,
    BadAnswerError,
    ChatRefusedError,
    ChatUnavailableError,
)
from volano.serving.line import engine_client
from volano.wire.sse import EventTooLongError, Framer, events

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = lazy("httpx2")

COMPLETIONS = "/v1/chat/completions"
CUT = "cut"
"""The finish reason of a stream that ended without one."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What another client needs to ask the same server: `origin` is `unix:/path` or scheme and host."""

    origin: str
    path: str
    model: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    fields: Mapping[str, Any] = field(default_factory=dict)
    ca_file: str = ""

    @property
    def address(self) -> str:
        """What errors call it."""
        return self.origin if self.origin.startswith("unix:") else f"{self.origin}{self.path}"


class HttpChat:
    """Answers by asking another server. May be shared by threads; close it when done."""

    def __init__(
        self,
        client: httpx2.Client,
        address: str,
        path: str,
        model: str,
        fields: Mapping[str, Any] | None = None,
        *,
        ca_file: str = "",
    ):
        self._client = client
        self._ca_file = ca_file
        self._fields = dict(fields or {})
        self._path = path
        self.address = address
        self.model = model
        self.embedder: Callable[[], HttpChat] | None = None
        """Who gives the vectors, where it is another server."""

    def __call__(self, messages: Sequence[dict[str, Any]], **settings: Any) -> Answer:
        """Return the answer; `settings` are OpenAI's (`max_tokens`, `temperature`, …).

        Raises:
            ChatUnavailableError: no connection, no answer in time, or status 429 or 5xx.
            ChatRefusedError: any other status that is not 2xx.
            BadAnswerError: a 2xx answer that is no chat completion.
        """
        body = {"model": self.model, "messages": list(messages), **settings, **self._fields}
        try:
            response = self._client.post(self._path, json=body)
        except httpx2.TransportError as error:
            reason = str(error) or type(error).__name__
            raise ChatUnavailableError(address=self.address, reason=reason) from error
        if not response.is_success:
            raise self._refused(response)
        return self._answer(response)

    def vectors(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the vector of each text, from the door for embeddings beside that for chat.

        Raises:
            ChatUnavailableError, ChatRefusedError: as a call.
            BadAnswerError: a 2xx answer without one vector for each text.
        """
        if self.embedder is not None:
            return self.embedder().vectors(texts)
        door, mark, query = self._path.partition("?")
        path = f"{door.removesuffix('/chat/completions')}/embeddings{mark}{query}"
        body = {"model": self.model, "input": list(texts), "encoding_format": "float"}
        try:
            response = self._client.post(path, json=body)
        except httpx2.TransportError as error:
            reason = str(error) or type(error).__name__
            raise ChatUnavailableError(address=self.address, reason=reason) from error
        if not response.is_success:
            raise self._refused(response)
        return self._vectors(response, len(texts))

    def stream(self, messages: Sequence[dict[str, Any]], **settings: Any) -> Iterator[str | Answer]:
        """Yield the pieces of the answer as they come, at last the whole answer.

        Closed early, it hangs up. A stream that breaks off ends with the reason `cut`.

        Raises:
            ChatUnavailableError, ChatRefusedError, BadAnswerError: as a call.
        """
        body = {
            "model": self.model, "messages": list(messages), "stream": True,
            "stream_options": {"include_usage": True}, **settings, **self._fields,
        }  # fmt: skip
        try:
            with self._client.stream("POST", self._path, json=body) as response:
                if not response.is_success or "json" in response.headers.get("content-type", ""):
                    response.read()
                    if not response.is_success:
                        raise self._refused(response)
                    whole = self._answer(response)
                    yield from (whole.text, whole)
                    return
                yield from self._pieces(response.iter_bytes())
        except httpx2.TransportError as error:
            reason = str(error) or type(error).__name__
            raise ChatUnavailableError(address=self.address, reason=reason) from error

    def _pieces(self, chunks: Iterator[bytes]) -> Iterator[str | Answer]:
        framer, texts, reason = Framer(), list[str](), CUT
        usage: dict[str, Any] = {}
        try:
            for chunk in chunks:
                for _raw, data in events(framer.feed(chunk)):
                    if not data or data == b"[DONE]":
                        continue
                    told = json.loads(data)
                    if told.get("error"):
                        why = str(told["error"])[:300]
                        raise ChatUnavailableError(address=self.address, reason=why)
                    usage = told.get("usage") or usage
                    for choice in told.get("choices") or ():
                        reason = choice.get("finish_reason") or reason
                        if text := (choice.get("delta") or {}).get("content"):
                            texts.append(str(text))
                            yield str(text)
        except (ValueError, TypeError, AttributeError, EventTooLongError) as error:
            raise BadAnswerError(address=self.address, reason=str(error)[:120]) from error
        counts = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
        yield Answer("".join(texts), reason, *counts)

    def endpoint(self) -> Endpoint | None:
        """Return where it asks, for a client that asks faster; None where a proxy stands between."""
        if self.address.startswith("unix:"):
            return Endpoint(self.address, self._path, self.model, fields=self._fields)
        base = urlsplit(str(self._client.base_url))
        if base.scheme in getproxies() and not proxy_bypass(base.netloc):
            return None
        named = ("authorization", "api-key", "x-api-key")
        own = _usual_headers()
        heads = tuple(
            (name, value) for name, value in self._client.headers.items()
            if name in named or own.get(name) != value
        )  # fmt: skip
        path = base.path.rstrip("/") + self._path if not self._path.startswith("http") else ""
        if not path:
            return None
        return Endpoint(
            f"{base.scheme}://{base.netloc}", path, self.model, heads, self._fields, self._ca_file
        )

    def ready(self) -> bool:
        """Whether the server says that it is ready (`GET /health`, llama.cpp's manner)."""
        try:
            return self._client.get("/health").is_success
        except httpx2.TransportError:
            return False

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _refused(self, response: httpx2.Response) -> ChatUnavailableError | ChatRefusedError:
        status = response.status_code
        reason = _reason(response)
        if status == 429 or status >= 500:
            return ChatUnavailableError(
                address=self.address, reason=f"status {status}, {reason}", status=status
            )
        return ChatRefusedError(address=self.address, status=status, reason=reason)

    def _vectors(self, response: httpx2.Response, count: int) -> list[list[float]]:
        try:
            found = {
                int(one["index"]): [float(x) for x in one["embedding"]]
                for one in response.json()["data"]
            }
            return [found[at] for at in range(count)]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            reason = f"{response.text[:120]!r}"
            raise BadAnswerError(address=self.address, reason=reason) from error

    def _answer(self, response: httpx2.Response) -> Answer:
        try:
            raw = response.json()
            choice = raw["choices"][0]
            usage = raw.get("usage") or {}
            return Answer(
                text=choice["message"]["content"] or "",
                finish_reason=choice.get("finish_reason") or "stop",
                prompt_tokens=usage.get("prompt_tokens"),
                completion_tokens=usage.get("completion_tokens"),
            )
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            reason = f"{response.text[:120]!r}"
            raise BadAnswerError(address=self.address, reason=reason) from error


def open_chat(
    url: str,
    model: str,
    *,
    timeout_s: float = 60.0,
    api_key: str | None = None,
    fields: Mapping[str, Any] | None = None,
) -> HttpChat:
    """Return a Chat over `unix:/path`, `http://host:port` or `https://host[/prefix]`.

    An address that ends in `/chat/completions` is asked as it stands. No connection is made yet. A key is sent as a bearer token, and never by
    plain http to another machine. `fields` go with every request.

    Raises:
        BadAddressError: another scheme, no host, credentials inside the URL,
            or a key that would travel unencrypted.
    """
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    if url.startswith("unix:"):
        client = engine_client(url, timeout_s=timeout_s, headers=headers)
        return HttpChat(client, url, COMPLETIONS, model, fields)
    base, path = _web_address(url, keyed=api_key is not None)
    verify = _nobody() if base.startswith("http:") and not getproxies() else True
    client = httpx2.Client(base_url=base, headers=headers, timeout=timeout_s, verify=verify)
    return HttpChat(client, url, path, model, fields)


@lru_cache(maxsize=1)
def _usual_headers() -> Mapping[str, str]:
    with httpx2.Client(verify=_nobody()) as client:
        return dict(client.headers)


def _nobody() -> ssl.SSLContext:
    """Return a context that trusts nobody, for where TLS is not spoken: the usual one takes 40 ms."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _web_address(url: str, *, keyed: bool) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadAddressError(address=url, reason=str(error)) from error
    if parts.scheme not in ("http", "https") or not host:
        raise BadAddressError(address=url, reason="its scheme or host is missing or unknown")
    if parts.username or parts.password:
        raise BadAddressError(address=f"{parts.scheme}://…@{host}", reason="it holds credentials")
    if keyed and parts.scheme == "http" and host not in ("localhost", "127.0.0.1", "::1"):
        raise BadAddressError(address=url, reason="a key must not travel unencrypted")
    path = parts.path.rstrip("/")
    if not path.endswith("/chat/completions"):
        path = path.removesuffix("/v1") + COMPLETIONS
    return f"{parts.scheme}://{parts.netloc}", path


def _reason(response: httpx2.Response) -> str:
    """The other side's own words, if it spoke in OpenAI's error format."""
    try:
        return str(response.json()["error"]["message"])[:300]
    except (ValueError, LookupError, TypeError):
        return response.text[:120] or response.reason_phrase
