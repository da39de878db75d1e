"""OpenAI's Responses API (`POST /v1/responses`), from both sides.

`reading` and `writing` say a request, `answering` a whole answer, `streaming` and
`streamed` one that comes piece by piece. What cannot be carried over to other APIs
is refused by name: built-in tools and answers in the background when the request is
read; references to what OpenAI keeps (`previous_response_id`, `conversation`,
`prompt`) by every writer but this one. What is left out because it changes nothing
stands in the `LEFT_OUT` tables, with the reasons.
"""

from volano.wire.dialect import Fault
from volano.wire.dialects.openai_chat.errors import read_error
from volano.wire.dialects.openai_responses.answering import read_reply, write_reply
from volano.wire.dialects.openai_responses.reading import read_ask
from volano.wire.dialects.openai_responses.streamed import ResponsesReader
from volano.wire.dialects.openai_responses.streaming import ResponsesWriter, code_of, sse
from volano.wire.dialects.openai_responses.writing import write_ask
from volano.wire.exchange import Ask, Reply
from volano.wire.openai import error_body

__all__ = ["RESPONSES", "Responses"]


class Responses:
    """Both halves of the dialect."""

    name = "openai.responses"

    def read_ask(self, body: bytes) -> Ask:
        return read_ask(body)

    def write_reply(self, reply: Reply, ask: Ask) -> bytes:
        return write_reply(reply, ask)

    def event_writer(self, ask: Ask) -> ResponsesWriter:
        return ResponsesWriter(ask)

    def write_error(
        self, status: int, message: str, *,
        kind: str, param: str | None = None, code: str = "", request_id: str = "",
    ) -> bytes:  # fmt: skip
        del status, request_id  # the API says them in the head only
        return error_body(message, kind=kind, param=param, code=code)

    def write_stream_error(
        self, message: str, *, kind: str, code: str = "", number: int = 0, request_id: str = ""
    ) -> bytes:
        del request_id  # the API says it in the head only
        return sse("error", number, code=code or code_of(kind), message=message, param=None)

    def write_ask(self, ask: Ask) -> bytes:
        return write_ask(ask)

    def read_reply(self, body: bytes) -> Reply:
        return read_reply(body)

    def event_reader(self) -> ResponsesReader:
        return ResponsesReader()

    def read_error(self, status: int, body: bytes) -> Fault:
        return read_error(status, body)


RESPONSES = Responses()
