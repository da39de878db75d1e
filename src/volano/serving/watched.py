"""Watched: a running engine, asked how it is doing; ours by its socket, another's by its address."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from volano.core.lazy import lazy
from volano.core.ports.engine import Engine, Vitals
from volano.serving.engines import KINDS, Kind
from volano.serving.errors import BadAnswerError, ChatUnavailableError
from volano.serving.figures import vitals_of
from volano.serving.line import engine_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx2
else:
    httpx2 = lazy("httpx2")

MAX_ANSWER = 4 << 20


class Watched:
    """An engine of any kind but Ollama: `/health`, `/metrics`, `/v1/models`, `/tokenize`."""

    def __init__(
        self,
        kind: Kind,
        url: str,
        *,
        timeout_s: float = 2.0,
        headers: Mapping[str, str] | None = None,
    ):
        self.kind = kind
        self.url = url
        self._timeout_s = timeout_s
        self._headers = dict(headers or {})

    def ready(self) -> bool:
        """Whether it would answer now."""
        try:
            with self._client() as client:
                return bool(client.get("/health").is_success)
        except httpx2.TransportError:
            return False

    def vitals(self) -> Vitals:
        """Return how it is doing; nothing where it keeps no figures.

        Raises:
            ChatUnavailableError: it cannot be reached.
        """
        with self._asking() as client:
            answer = client.get("/metrics")
        if not answer.is_success:
            return Vitals()
        return vitals_of(self.kind.figures, answer.text[:MAX_ANSWER])

    def models(self) -> list[str]:
        """Return the models it has loaded.

        Raises:
            ChatUnavailableError: it cannot be reached.
            BadAnswerError: it answers something else.
        """
        with self._asking() as client:
            answer = client.get("/v1/models")
        return [str(one["id"]) for one in self._list(answer, "data", "id")]

    def tokenize(self, text: str) -> list[int]:
        """Return a text's tokens, without marks of beginning and end.

        Raises:
            ChatUnavailableError: it cannot be reached.
            BadAnswerError: it has no such door, or answers something else.
        """
        if not self.kind.tokenize:
            raise BadAnswerError(address=self.url, reason=f"{self.kind.name} does not tokenise")
        body = {self.kind.tokenize: text, "add_special_tokens": False}
        with self._asking() as client:
            answer = client.post("/tokenize", json=body)
        try:
            return [int(one) for one in answer.json()["tokens"]]
        except (ValueError, LookupError, TypeError) as error:
            raise self._strange(answer) from error

    def _list(self, answer: httpx2.Response, name: str, key: str) -> list[dict[str, Any]]:
        try:
            return [one for one in answer.json()[name] or [] if one[key]]
        except (ValueError, LookupError, TypeError) as error:
            raise self._strange(answer) from error

    def _strange(self, answer: httpx2.Response) -> BadAnswerError:
        reason = f"status {answer.status_code}, {answer.text[:120]!r}"
        return BadAnswerError(address=self.url, reason=reason)

    @contextmanager
    def _asking(self) -> Iterator[httpx2.Client]:
        try:
            with self._client() as client:
                yield client
        except httpx2.TransportError as error:
            reason = str(error) or type(error).__name__
            raise ChatUnavailableError(address=self.url, reason=reason) from error

    def _client(self) -> httpx2.Client:
        if self.url.startswith("unix:"):
            return engine_client(self.url, timeout_s=self._timeout_s, headers=self._headers)
        base = self.url.rstrip("/").removesuffix("/v1")
        return httpx2.Client(base_url=base, timeout=self._timeout_s, headers=self._headers)


class Ollama(Watched):
    """Ollama, which loads and unloads by itself: its own API, beside OpenAI's.

    https://docs.ollama.com/api/ps.md, https://docs.ollama.com/api/tags.md
    """

    def ready(self) -> bool:
        """Whether it would answer now."""
        try:
            with self._client() as client:
                answer = client.get("/api/version")
                return bool(answer.is_success and json.loads(answer.text)["version"])
        except (httpx2.TransportError, ValueError, LookupError, TypeError):
            return False

    def vitals(self) -> Vitals:
        """Return nothing: Ollama keeps no such figures."""
        return Vitals()

    def models(self) -> list[str]:
        """Return the models in memory now."""
        return [str(one["model"]) for one in self._at("/api/ps")]

    def offered(self) -> list[str]:
        """Return the models on its disk."""
        return [str(one["model"]) for one in self._at("/api/tags")]

    def memory(self) -> int:
        """Return the bytes that its models take, in memory and on GPUs together."""
        return sum(int(one.get("size") or 0) for one in self._at("/api/ps"))

    def _at(self, path: str) -> list[dict[str, Any]]:
        with self._asking() as client:
            answer = client.get(path)
        return self._list(answer, "models", "model")


def watch(
    kind: str, url: str, *, timeout_s: float = 2.0, headers: Mapping[str, str] | None = None
) -> Engine:
    """Return the engine of a kind at an address (`unix:/…` or `http…`).

    Raises:
        UnknownPluginError: there is no such kind.
    """
    found = KINDS.get(kind)
    made = Ollama if kind == "ollama" else Watched
    return made(found, url, timeout_s=timeout_s, headers=headers)
