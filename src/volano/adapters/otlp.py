"""OTLP over HTTP: batches of spans to any backend that takes them, as JSON, gzipped."""

import gzip
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from volano.core.lazy import lazy
from volano.core.ports.forward import Sent
from volano.core.retry_after import seconds

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = lazy("httpx2")

TIMEOUT_S = 20.0
_MOST_BYTES = 1 << 16


class Sender:
    """Sends to one URL, with headers from a variable: `name=value,name=value`.

    `packed=False` sends the JSON as it is, to those who do not unpack.
    That is how OpenTelemetry's own `OTEL_EXPORTER_OTLP_HEADERS` is written.
    """

    def __init__(
        self, url: str, headers_env: str = "", *, environment: Mapping[str, str] = os.environ,
        timeout_s: float = TIMEOUT_S, packed: bool = True,
    ):  # fmt: skip
        self._url, self._packed = url, packed
        self._headers = {
            **_headers(environment.get(headers_env, "") if headers_env else ""),
            "content-type": "application/json",
            **({"content-encoding": "gzip"} if packed else {}),
        }
        self._client = httpx2.Client(timeout=timeout_s, follow_redirects=False)

    def __call__(self, body: bytes) -> Sent:
        """Send; a backend that does not answer, or no HTTP, has the status 0."""
        try:
            content = gzip.compress(body, 5) if self._packed else body
            with self._client.stream(
                "POST", self._url, content=content, headers=self._headers
            ) as said:
                answer, until = bytearray(), time.monotonic() + TIMEOUT_S
                for part in said.iter_bytes():
                    answer += part
                    if len(answer) > _MOST_BYTES or time.monotonic() > until:
                        break
                again = seconds(said.headers.get("retry-after", ""))
                return Sent(said.status_code, again, bytes(answer))
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            return Sent(0, why=f"it cannot be reached ({type(error).__name__})")

    def close(self) -> None:
        """Close connections."""
        self._client.close()


def _headers(said: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in said.split(",") if "=" in pair)
    return {unquote(name.strip()).lower(): unquote(value.strip()) for name, _, value in pairs}
