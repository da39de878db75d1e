"""Sockets of engines: what a killed one left behind is cleared, what is in use is not."""

import socket
from pathlib import Path

from volano.core.errors import ConflictError


class AddressTakenError(ConflictError):
    """Another process already listens on `{address}`."""

    hint = "Stop it, or choose another address."


def clear_socket(path: Path, address: str) -> None:
    """Remove the socket that a killed engine left behind.

    Raises:
        AddressTakenError: somebody listens on it.
    """
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise AddressTakenError(address=address)
