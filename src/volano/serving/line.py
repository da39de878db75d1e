"""The client of an engine that listens on a socket of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from volano.core.lazy import lazy

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = lazy("httpx2")


def engine_client(
    url: str, *, timeout_s: float, headers: dict[str, str] | None = None
) -> httpx2.Client:
    """Return a client of `unix:/path`. Close it when done.

    It connects for each request: llama.cpp, when busy, may close a connection that it said it
    would keep, without a word, and a request that was on its way has no answer then. Connecting
    to a socket costs some 20 us.
    """
    transport = httpx2.HTTPTransport(
        uds=url.removeprefix("unix:"), limits=httpx2.Limits(max_keepalive_connections=0)
    )
    return httpx2.Client(
        transport=transport, base_url="http://engine", headers=headers, timeout=timeout_s
    )
