"""Anthropic's messages (`POST /v1/messages`, `POST /v1/messages/count_tokens`).

Reference: https://platform.claude.com/docs/en/api/messages and the types of the
official `anthropic` package.
"""

import msgspec

from volano.wire.dialect import Fault
from volano.wire.dialects.anthropic.ask_reader import read_ask, read_count
from volano.wire.dialects.anthropic.ask_writer import FIRST_VERSION, write_ask, write_count_ask
from volano.wire.dialects.anthropic.errors import read_error, write_error
from volano.wire.dialects.anthropic.reply import read_reply, write_reply
from volano.wire.dialects.anthropic.stream_reader import EventReader
from volano.wire.dialects.anthropic.stream_writer import EventWriter, write_stream_error
from volano.wire.exchange import Ask, Reply

__all__ = ["MESSAGES", "Messages"]


class Messages:
    """The dialect `anthropic.messages`, both halves.

    `version` is what to send as `anthropic-version` with what it writes.
    """

    name = "anthropic.messages"

    def __init__(self, version: str = FIRST_VERSION) -> None:
        self.version = version

    def read_ask(self, body: bytes) -> Ask:
        return read_ask(body)

    def write_ask(self, ask: Ask) -> bytes:
        return write_ask(ask, version=self.version)

    def read_count(self, body: bytes) -> Ask:
        return read_count(body)

    def write_count_ask(self, ask: Ask) -> bytes:
        return write_count_ask(ask, version=self.version)

    def write_count(self, tokens: int) -> bytes:
        return msgspec.json.encode({"input_tokens": tokens})

    def read_reply(self, body: bytes) -> Reply:
        return read_reply(body)

    def write_reply(self, reply: Reply, ask: Ask) -> bytes:
        return write_reply(reply, ask)

    def event_reader(self) -> EventReader:
        return EventReader()

    def event_writer(self, ask: Ask) -> EventWriter:
        return EventWriter(ask)

    def read_error(self, status: int, body: bytes) -> Fault:
        return read_error(status, body)

    def write_error(
        self, status: int, message: str, *,
        kind: str, param: str | None = None, code: str = "", request_id: str = "",
    ) -> bytes:  # fmt: skip
        return write_error(
            status, message, kind=kind, param=param, code=code, request_id=request_id
        )

    def write_stream_error(
        self, message: str, *, kind: str, code: str = "", number: int = 0, request_id: str = ""
    ) -> bytes:
        del number  # this API has none
        return write_stream_error(message, kind=kind, code=code, request_id=request_id)


MESSAGES = Messages()
