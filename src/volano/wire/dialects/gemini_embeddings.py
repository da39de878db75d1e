"""Gemini's embeddings (`POST .../models/{model}:batchEmbedContents`), the provider's half.

One request holds one content for each text; the model, which also stands in the
path, is repeated in each. Source: https://ai.google.dev/api/embeddings.
"""

from typing import Any

import msgspec
from msgspec import Struct

from volano.wire.dialect import BadAnswerError, Fault
from volano.wire.dialects import extras
from volano.wire.dialects.bodies import answered
from volano.wire.dialects.fields import Count
from volano.wire.dialects.gemini import GEMINI
from volano.wire.embeddings import EmbeddingAsk, EmbeddingReply
from volano.wire.exchange import CannotSayError

LEFT_OUT = {
    "encoding": "vectors come as numbers; the door writes them as its client wants",
    "user": "names the end user to the client's own provider",
}
"""What is not said, and why the vectors are the same without it."""

_PURPOSES = {"query": "RETRIEVAL_QUERY", "document": "RETRIEVAL_DOCUMENT", None: None}


class _Vector(Struct):
    values: list[float]


class _Usage(Struct, rename="camel"):
    prompt_token_count: Count | None = None


class _Reply(Struct, rename="camel"):
    embeddings: list[_Vector]
    usage_metadata: _Usage | None = None


_decode = msgspec.json.Decoder(_Reply).decode


class GeminiEmbeddings:
    """The half that faces the provider."""

    name = "gemini.embeddings"

    def write_ask(self, ask: EmbeddingAsk) -> bytes:
        extras.passed(ask.extra, on=(), left_out=())
        model = ask.model if "/" in ask.model else f"models/{ask.model}"
        each = {
            "model": model,
            "taskType": _PURPOSES[ask.purpose],
            "outputDimensionality": ask.dimensions,
        }
        said = {name: value for name, value in each.items() if value is not None}
        requests: list[dict[str, Any]] = []
        for text in ask.inputs:
            if not isinstance(text, str):
                raise CannotSayError("Gemini embeds text only, no tokens.", "input")
            requests.append({**said, "content": {"parts": [{"text": text}]}})
        if not requests:
            raise CannotSayError("There is nothing to embed.", "input")
        return msgspec.json.encode({"requests": requests})

    def read_reply(self, body: bytes, ask: EmbeddingAsk) -> EmbeddingReply:
        said = answered(_decode, body)
        if len(said.embeddings) != len(ask.inputs):
            raise BadAnswerError("The provider's vectors do not match what was asked.")
        tokens = said.usage_metadata.prompt_token_count if said.usage_metadata else None
        return EmbeddingReply(ask.model, [vector.values for vector in said.embeddings], tokens)

    def read_error(self, status: int, body: bytes) -> Fault:
        return GEMINI.read_error(status, body)


GEMINI_EMBEDDINGS = GeminiEmbeddings()
