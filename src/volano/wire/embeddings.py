"""Texts into vectors, in neutral words: what an embeddings door and a provider share.

The counterpart of `exchange` for the embeddings APIs. Vectors are lists of floats
inside, whatever the encoding on the wire.
"""

from typing import Literal, Protocol

from msgspec import Raw, Struct

from volano.wire.dialect import Fault

Encoding = Literal["float", "base64"]


class EmbeddingAsk(Struct):
    """A request for one vector for each input: all of them texts, or all lists of tokens.

    `purpose` is what the vectors are for where a model tells the two apart: a question
    that looks for documents, or a document to be found. `extra` is as in `exchange.Ask`.
    """

    model: str
    inputs: list[str] | list[list[int]]
    dimensions: int | None = None
    encoding: Encoding | None = None
    user: str | None = None
    purpose: Literal["query", "document"] | None = None
    extra: dict[str, Raw] = {}


class EmbeddingReply(Struct):
    """The vectors, in the order of the inputs. `tokens` is None where it is not said."""

    model: str
    vectors: list[list[float]]
    tokens: int | None = None


class ServedEmbeddings(Protocol):
    """The half that faces clients."""

    name: str

    def read_ask(self, body: bytes) -> EmbeddingAsk:
        """Raises MalformedError or FieldError (`wire.openai`)."""
        ...

    def write_reply(self, reply: EmbeddingReply, ask: EmbeddingAsk) -> bytes:
        """Return the body of the answer."""
        ...

    def write_error(
        self, status: int, message: str, *,
        kind: str, param: str | None = None, code: str = "", request_id: str = "",
    ) -> bytes:  # fmt: skip
        """Return an error's body; `kind` in OpenAI's words."""
        ...


class SpokenEmbeddings(Protocol):
    """The half that faces providers."""

    name: str

    def write_ask(self, ask: EmbeddingAsk) -> bytes:
        """Raises CannotSayError (`wire.exchange`)."""
        ...

    def read_reply(self, body: bytes, ask: EmbeddingAsk) -> EmbeddingReply:
        """Return one vector for each input asked.

        Raises:
            BadAnswerError: what came is not what the API promises (`wire.dialect`).
        """
        ...

    def read_error(self, status: int, body: bytes) -> Fault:
        """Return what the provider complains about; never raises."""
        ...
