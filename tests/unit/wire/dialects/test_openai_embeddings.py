"""OpenAI's embeddings: round trips, both encodings, what is malformed."""

import base64
import contextlib
import json
import struct

import httpx2
import msgspec
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import CreateEmbeddingResponse

from support import exchanges as ex
from support.examples import examples
from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.openai_embeddings import EMBEDDINGS, pack, unpack
from volano.wire.embeddings import EmbeddingAsk, EmbeddingReply
from volano.wire.exchange import CannotSayError
from volano.wire.openai import FieldError, MalformedError

API = EMBEDDINGS
tokens = st.lists(st.integers(0, 200_000), min_size=1, max_size=4)
asks = st.builds(
    EmbeddingAsk,
    ex.names,
    st.lists(ex.words, min_size=1, max_size=3) | st.lists(tokens, min_size=1, max_size=3),
    dimensions=st.none() | st.integers(1, 4096),
    encoding=st.sampled_from([None, "float", "base64"]),
    user=st.none() | ex.names,
)
vectors = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=5)


@given(asks)
def test_what_is_asked_is_read_back(ask):
    assert API.read_ask(API.write_ask(ask)) == ask


@given(asks, st.data())
def test_what_is_answered_is_read_back(ask, data):
    count = len(ask.inputs)
    rows = data.draw(st.lists(vectors, min_size=count, max_size=count))
    reply = EmbeddingReply(data.draw(ex.names), rows, data.draw(ex.counts))
    body = API.write_reply(reply, ask)
    if ask.encoding != "base64":
        CreateEmbeddingResponse.model_validate_json(body)
    assert API.read_reply(body, ask) == reply


@given(vectors)
def test_base64_is_little_endian_floats(vector):
    assert pack(vector) == base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    assert unpack(pack(vector)) == vector


def test_the_official_client_reads_what_it_asks_for():
    def answer(request: httpx2.Request) -> httpx2.Response:
        ask = API.read_ask(request.content)
        assert ask.encoding == "base64"  # unless told otherwise
        return httpx2.Response(200, content=API.write_reply(EmbeddingReply("m", [[0.5, -2]]), ask))

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = openai.OpenAI(api_key="k", base_url="http://x/v1", http_client=http)
    assert client.embeddings.create(model="m", input="hi").data[0].embedding == [0.5, -2]


def test_the_four_spellings_of_input():
    def read(value) -> list:
        return API.read_ask(json.dumps({"model": "m", "input": value}).encode()).inputs

    assert read("a") == ["a"]
    assert read(["a", "b"]) == ["a", "b"]
    assert read([1, 2]) == [[1, 2]]
    assert read([[1], [2]]) == [[1], [2]]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": [[]]}, "input"),
        ({"input": ["a", 1]}, "input"),
        ({"input": [-1]}, "input[0]"),
        ({"input": [10**300]}, "input[0]"),
        ({"input": [{}]}, "input[0]"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
    ],
)
def test_wrong_fields_are_named(fields, param):
    with pytest.raises(FieldError) as error:
        API.read_ask(json.dumps({"model": "m", **fields}).encode())
    assert error.value.param == param


def test_what_openai_does_not_know_is_refused():
    with pytest.raises(CannotSayError) as error:
        API.write_ask(EmbeddingAsk("m", ["a"], extra={"truncate": msgspec.Raw(b'"END"')}))
    assert error.value.param == "truncate"


@pytest.mark.parametrize(
    "data",
    [
        [],
        [{"embedding": [1], "index": 1}],
        [{"embedding": [1], "index": 0}, {"embedding": [1], "index": 1}],
        [{"embedding": "AAA", "index": 0}],
        [{"embedding": "AAAA", "index": 0}],
        [{"embedding": "é", "index": 0}],
        [{"embedding": None, "index": 0}],
    ],
)
def test_a_lying_provider_is_a_bad_answer(data):
    with pytest.raises(BadAnswerError):
        API.read_reply(json.dumps({"data": data}).encode(), EmbeddingAsk("m", ["a"]))


@examples(200)
@given(st.data())
def test_nothing_hostile_gets_through(data):
    good = json.dumps({"model": "m", "input": ["a"], "dimensions": 3, "data": [{"embedding": [1]}]})
    odd = st.sampled_from(["null", "1e999", "9" * 500, '"\\ud800"', "[[[1]]]", "{}", "[" * 5000])
    at = data.draw(st.sampled_from([i for i, c in enumerate(good) if c in ":["])) + 1
    end = data.draw(st.integers(at, len(good)))
    body = (good[:at] + data.draw(odd | st.text(max_size=5)) + good[end:]).encode()
    with contextlib.suppress(FieldError, MalformedError):
        API.read_ask(body)
    with contextlib.suppress(BadAnswerError):
        API.read_reply(body, EmbeddingAsk("m", ["a"]))
