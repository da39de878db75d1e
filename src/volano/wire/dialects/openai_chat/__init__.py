"""OpenAI's chat completions (`POST /v1/chat/completions`), as also many others speak it.

Reference: https://platform.openai.com/docs/api-reference/chat and the types of the
official `openai` package.
"""

from volano.wire.dialect import Fault
from volano.wire.dialects.openai_chat.ask_reader import read_ask
from volano.wire.dialects.openai_chat.ask_writer import write_ask
from volano.wire.dialects.openai_chat.errors import read_error
from volano.wire.dialects.openai_chat.reply import read_reply, write_reply
from volano.wire.dialects.openai_chat.stream_reader import EventReader
from volano.wire.dialects.openai_chat.stream_writer import EventWriter, write_stream_error
from volano.wire.exchange import Ask, Reply
from volano.wire.openai import error_body

__all__ = ["CHAT", "Chat"]


class Chat:
    """The dialect `openai.chat`, both halves."""

    name = "openai.chat"

    def read_ask(self, body: bytes) -> Ask:
        return read_ask(body)

    def write_ask(self, ask: Ask) -> bytes:
        return write_ask(ask)

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
        self,
        status: int,  # noqa: ARG002  # it is said in the head
        message: str,
        *,
        kind: str,
        param: str | None = None,
        code: str = "",
        request_id: str = "",  # noqa: ARG002  # as the status
    ) -> bytes:
        return error_body(message, kind=kind, param=param, code=code)

    def write_stream_error(
        self, message: str, *, kind: str, code: str = "", number: int = 0, request_id: str = ""
    ) -> bytes:
        del number, request_id  # this API has neither
        return write_stream_error(message, kind=kind, code=code)


CHAT = Chat()
