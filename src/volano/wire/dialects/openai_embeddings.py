"""OpenAI's embeddings (`POST /v1/embeddings`), from both sides.

Vectors as base64 are little-endian 32-bit floats, which the official clients ask
for unless told otherwise; they are a quarter of the text's size.
"""

import base64
import binascii
import sys
from array import array
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from volano.wire.dialect import BadAnswerError, Fault
from volano.wire.dialects import extras
from volano.wire.dialects.bodies import answered, asked
from volano.wire.dialects.fields import Count
from volano.wire.dialects.openai_chat.errors import read_error
from volano.wire.embeddings import EmbeddingAsk, EmbeddingReply
from volano.wire.exchange import CannotSayError
from volano.wire.openai import FieldError, error_body

LEFT_OUT = {
    "purpose": "OpenAI's models make the same vector of a question and of a document",
    "encoding": "asked of the provider as said; either is read, and the client's is written",
}
"""What is not passed on, and why the vectors are the same without it."""

_Token = Annotated[int, Meta(ge=0, le=2**31 - 1)]
_Dimensions = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class _Request(Struct):
    model: str
    input: str | list[str | _Token | list[_Token]]
    dimensions: _Dimensions | None = None
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None


class _Row(Struct):
    embedding: list[float] | str
    index: Count = 0


class _Usage(Struct):
    prompt_tokens: Count | None = None


class _Reply(Struct):
    data: list[_Row]
    model: str | None = None
    usage: _Usage | None = None


_decode = msgspec.json.Decoder(_Request).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_reply = msgspec.json.Decoder(_Reply).decode
_encode = msgspec.json.encode
_NEUTRAL = frozenset(_Request.__struct_fields__)


class Embeddings:
    """Both halves of the dialect."""

    name = "openai.embeddings"

    def read_ask(self, body: bytes) -> EmbeddingAsk:
        said = asked(_decode, body)
        extra = {
            name: Raw(bytes(value))
            for name, value in _decode_fields(body).items()
            if name not in _NEUTRAL and bytes(value) != b"null"
        }
        return EmbeddingAsk(
            said.model,
            _inputs(said.input),
            dimensions=said.dimensions,
            encoding=said.encoding_format,
            user=said.user,
            extra=extra,
        )

    def write_reply(self, reply: EmbeddingReply, ask: EmbeddingAsk) -> bytes:
        packed = ask.encoding == "base64"
        data = [
            {
                "object": "embedding",
                "index": i,
                "embedding": pack(vector) if packed else vector,
            }
            for i, vector in enumerate(reply.vectors)
        ]
        tokens = reply.tokens or 0
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return _encode({"object": "list", "data": data, "model": reply.model, "usage": usage})

    def write_error(
        self, status: int, message: str, *,
        kind: str, param: str | None = None, code: str = "", request_id: str = "",
    ) -> bytes:  # fmt: skip
        del status, request_id  # the API says them in the head only
        return error_body(message, kind=kind, param=param, code=code)

    def write_ask(self, ask: EmbeddingAsk) -> bytes:
        if not ask.inputs:
            raise CannotSayError("There is nothing to embed.", "input")
        body: dict[str, Any] = {
            "model": ask.model,
            "input": ask.inputs,
            "dimensions": ask.dimensions,
            "encoding_format": ask.encoding,
            "user": ask.user,
            **extras.passed(ask.extra, on=(), left_out=()),
        }
        return _encode({name: value for name, value in body.items() if value is not None})

    def read_reply(self, body: bytes, ask: EmbeddingAsk) -> EmbeddingReply:
        said = answered(_decode_reply, body)
        rows = sorted(said.data, key=lambda row: row.index)
        if [row.index for row in rows] != list(range(len(ask.inputs))):
            raise BadAnswerError("The provider's vectors do not match what was asked.")
        vectors = [unpack(row.embedding) for row in rows]
        tokens = said.usage.prompt_tokens if said.usage else None
        return EmbeddingReply(said.model or ask.model, vectors, tokens)

    def read_error(self, status: int, body: bytes) -> Fault:
        return read_error(status, body)


EMBEDDINGS = Embeddings()


def _inputs(said: str | list[Any]) -> list[str] | list[list[int]]:
    """Bring the four spellings (text, texts, tokens, lists of tokens) to two."""
    if isinstance(said, str):
        return [said]
    if not said:
        raise FieldError("`input` must hold something to embed.", "input")
    kinds = {type(each) for each in said}
    if len(kinds) > 1:
        raise FieldError("`input` must be all texts or all tokens.", "input")
    if kinds == {int}:
        return [said]
    if kinds == {list} and not all(said):
        raise FieldError("`input` holds an empty list of tokens.", "input")
    return said


def pack(vector: list[float]) -> str:
    """A vector as base64 of little-endian 32-bit floats."""
    floats = array("f", vector)
    if sys.byteorder == "big":
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode()


def unpack(vector: list[float] | str) -> list[float]:
    """The floats of a vector, of either encoding.

    Raises:
        BadAnswerError: the base64 text is none, or holds no whole number of floats.
    """
    if not isinstance(vector, str):
        return vector
    floats = array("f")
    try:
        floats.frombytes(base64.b64decode(vector, validate=True))
    except (binascii.Error, ValueError):
        raise BadAnswerError("The provider's vector is not base64 of floats.") from None
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tolist()
