"""A Dialect: one provider API's way of saying what `exchange` means.

Doors use the half that faces clients, targets the half that faces providers;
Gemini and Bedrock have only the second. Readers of what a client sent raise the
two errors of `wire.openai` (`MalformedError`: not JSON; `FieldError`: which field
is wrong); writers of requests raise `exchange.CannotSayError`. Readers of what a
provider sent raise `BadAnswerError`.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from volano.wire.exchange import Ask, Event, Reply, Usage


class BadAnswerError(ValueError):
    """What the provider sent is not what its API promises."""


class Fault(NamedTuple):
    """A provider's error: its message, and a kind in OpenAI's words (`rate_limit_error`...)."""

    message: str
    kind: str
    code: str | None = None


class EventReader(Protocol):
    """Reads a provider's stream, fed as the bytes come, cut anywhere."""

    def feed(self, data: bytes) -> Sequence[Event]:
        """Return the events that are complete now.

        Raises:
            BadAnswerError: these bytes cannot be read.
        """
        ...

    @property
    def complete(self) -> bool:
        """Whether the stream ended as its API says it must; a cut one has not."""
        ...

    @property
    def usage(self) -> Usage | None:
        """What was told so far of the tokens, once those of the answer are among them."""
        ...


class EventWriter(Protocol):
    """Writes a stream for a client."""

    def write(self, event: Event) -> bytes:
        """Return the bytes that say this event; may be none. `Finished` includes the end mark."""
        ...


class Served(Protocol):
    """The half that faces clients: a door speaks it."""

    name: str
    """Such as `openai.chat`, `openai.responses`, `anthropic.messages`."""

    def read_ask(self, body: bytes) -> Ask:
        """Raises MalformedError or FieldError (`wire.openai`)."""
        ...

    def write_reply(self, reply: Reply, ask: Ask) -> bytes:
        """Return the body of a whole answer."""
        ...

    def event_writer(self, ask: Ask) -> EventWriter:
        """Return a writer for the stream of one answer."""
        ...

    def write_error(
        self, status: int, message: str, *,
        kind: str, param: str | None = None, code: str = "", request_id: str = "",
    ) -> bytes:  # fmt: skip
        """Return an error's body; `kind` in OpenAI's words."""
        ...

    def write_stream_error(
        self, message: str, *, kind: str, code: str = "", number: int = 0, request_id: str = ""
    ) -> bytes:
        """Return the event that tells a client in mid-stream that no more will come.

        `number` is its own, where the API numbers events.
        """
        ...


class Spoken(Protocol):
    """The half that faces providers: a target understands it."""

    name: str

    def write_ask(self, ask: Ask) -> bytes:
        """Return the request's body.

        Raises:
            CannotSayError: this API has no word for a field.
        """
        ...

    def read_reply(self, body: bytes) -> Reply:
        """Raises BadAnswerError."""
        ...

    def event_reader(self) -> EventReader:
        """Return a reader for the stream of one answer."""
        ...

    def read_error(self, status: int, body: bytes) -> Fault:
        """Return what the provider complains about; never raises."""
        ...
