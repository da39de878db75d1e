"""Keeps the certificate of a worker's port fresh."""

import asyncio

from volano.wire.tls import Certificate

LOOK_S = 1.0
"""How often a worker looks whether the certificate's files changed."""


class Renewal:
    """Looks at the certificate every `LOOK_S`; new connections get the newest good one."""

    def __init__(self, certificate: Certificate | None, loop: asyncio.AbstractEventLoop):
        self._certificate = certificate
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None
        if certificate is not None:
            self._wait()

    def close(self) -> None:
        """Stop looking."""
        if self._handle is not None:
            self._handle.cancel()

    def _wait(self) -> None:
        self._handle = self._loop.call_later(LOOK_S, self._look)

    def _look(self) -> None:
        assert self._certificate is not None
        self._wait()
        self._certificate.look()
