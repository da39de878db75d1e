"""What the sending threads send by: built, and its libraries imported, in these threads only."""

import json
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from volano import __version__
from volano.client.errors import UnreachableError
from volano.client.process import Setup
from volano.client.tracing.otlp import Encoder
from volano.client.tracing.outbox import Outcome, Post
from volano.client.tracing.sender import Sender, refused
from volano.client.wire import Wire


def post(kind: str, setup: Setup) -> Post:
    """Return the post of `spans` or of `notes` (feedback).

    Raises:
        BadAddressError, BadKeyError: address or key cannot be used.
    """
    b"a".decode("idna")  # a library that sockets import when they first look up a name
    wire = Wire(setup.url, setup.key, setup.timeout_s)
    if kind == "notes":
        return Notes(wire)
    how = setup.tracing
    return Sender(wire, Encoder(how.resource(), __version__, how.redact))


class Notes:
    """The post of feedback: one at a time, each with a key of its own, so that it counts once."""

    def __init__(self, wire: Wire):
        self._wire = wire

    def pack(self, items: Sequence[dict[str, Any]]) -> tuple[str, bytes, str]:
        (said,) = items
        content = {name: value for name, value in said.items() if name != "trace"}
        return said["trace"], json.dumps(content, allow_nan=False).encode(), str(uuid.uuid4())

    def send(self, parcel: tuple[str, bytes, str]) -> Outcome:
        trace, body, key = parcel
        path = f"/api/v1/traces/{quote(trace, safe='')}/feedback"
        try:
            answer = self._wire.exchange("POST", path, body, {"idempotency-key": key})
        except UnreachableError as error:
            return Outcome("again", error.message)
        if 200 <= answer.status < 300:
            return Outcome("sent")
        return refused(answer, f"{self._wire.base_url}{path}")

    def forget(self) -> None:
        self._wire.forget()
