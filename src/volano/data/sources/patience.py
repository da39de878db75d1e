"""Patience with a server: who drips an answer byte by byte is cut off in the end.

The client's own limit of time holds for one read of the socket. A server that sends
one byte of its headers, or one interim answer, every few seconds keeps to it for ever.
"""

import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol


class _Traced(Protocol):
    def get_extra_info(self, info: str) -> Any: ...


class Patience:
    """Cuts the connections of one question when they are older than `until`, wherever they are.

    Given to the client as its `trace`, it hears of each connection that is made, so that
    also the handshake and the headers are bounded, before there is any answer to close.
    """

    def __init__(self, seconds: float):
        self.out = False
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="volano-patience", daemon=True)

    def __enter__(self) -> "Patience":
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._over.set()
        self._watcher.join()
        for one in self._sockets:
            one.close()

    def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Hear what the client does."""
        if event == "connection.connect_tcp.complete":
            self._hold(info["return_value"])

    def renew(self) -> None:
        """Wait as long again from now: something came."""
        self._until = time.monotonic() + self._seconds

    def _hold(self, stream: _Traced) -> None:
        """Keep a second handle of the connection, whatever is wrapped around the first."""
        with self._lock:
            self._sockets.append(stream.get_extra_info("socket").dup())
            if self.out:
                self._cut()

    def _watch(self) -> None:
        while (left := self._until - time.monotonic()) > 0:
            if self._over.wait(left):
                return
        with self._lock:
            self.out = True
            self._cut()

    def _cut(self) -> None:
        for one in self._sockets:
            with suppress(OSError):  # it has ended by itself
                one.shutdown(socket.SHUT_RDWR)
