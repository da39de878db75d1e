"""Gemini's embeddings, as its reference has them."""

import json

import pytest

from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.gemini_embeddings import GEMINI_EMBEDDINGS as API
from volano.wire.embeddings import EmbeddingAsk, EmbeddingReply
from volano.wire.exchange import CannotSayError

ASK = EmbeddingAsk("gemini-embedding-001", ["a", "b"], dimensions=768, purpose="query")


def test_one_content_for_each_text():
    assert json.loads(API.write_ask(ASK)) == {
        "requests": [
            {
                "model": "models/gemini-embedding-001",
                "taskType": "RETRIEVAL_QUERY",
                "outputDimensionality": 768,
                "content": {"parts": [{"text": text}]},
            }
            for text in ("a", "b")
        ]
    }


def test_vectors_in_their_order():
    said = {"embeddings": [{"values": [0.5]}, {"values": [-1]}]}
    reply = EmbeddingReply("gemini-embedding-001", [[0.5], [-1.0]])
    assert API.read_reply(json.dumps(said).encode(), ASK) == reply
    said["usageMetadata"] = {"promptTokenCount": 4}
    assert API.read_reply(json.dumps(said).encode(), ASK).tokens == 4


def test_tokens_cannot_be_said():
    with pytest.raises(CannotSayError) as error:
        API.write_ask(EmbeddingAsk("m", [[1, 2]]))
    assert error.value.param == "input"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"embeddings":[{"values":[1]}]}', b"[" * 5000])
def test_a_lying_provider_is_a_bad_answer(body):
    with pytest.raises(BadAnswerError):
        API.read_reply(body, ASK)


def test_errors_are_read():
    body = b'{"error":{"code":400,"message":"no such model","status":"INVALID_ARGUMENT"}}'
    assert API.read_error(400, body).message == "no such model"
