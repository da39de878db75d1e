"""Some thousand odd inputs at each run; `tests/fuzz/fuzz_http.py` searches further."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support import fuzzing
from support.examples import examples
from support.hostile import NOT_JSON, ODD, TOO_DEEP
from volano.wire import eventstream

HEADS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n", b"POST /s HTTP/1.1\r\nHost: a\r\n", b"\r\n", b"\r\n\r\n",
    b"POST / HTTP/1.0\r\n", b"GET http://b/ HTTP/1.1\r\nHost: a\r\n", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\n",
    b"Content-Length: 3\r\n", b"Content-Length: 5000\r\n", b"Content-Length: +3\r\n", b"content-length:3\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Transfer-Encoding:\tchunked\r\n",
    b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Host: b\r\n", b"X: a\r\n b\r\n",
    b"Connection: close\r\n", b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"Expect: 100-continue\r\n", b"Expect: x\r\n",
    b"3\r\nabc\r\n", b"0\r\n\r\n", b"3;a=b\r\nabc\r\n", b"ffffffffffffffff\r\n", b"0\r\nX: y\r\n\r\n", b"abc", b"\n", b"\r", b"\0",
]  # fmt: skip
some = st.sampled_from(HEADS) | st.binary(max_size=3)
starts = st.sampled_from([head for head in HEADS if b"HTTP/" in head])
requests = st.tuples(
    starts, st.lists(some, max_size=3).map(b"".join), st.just(b"\r\n"), st.lists(some, max_size=3).map(b"".join)
).map(b"".join)  # fmt: skip
pieces = st.lists(some | requests, max_size=5).map(b"".join)


@pytest.mark.slow
@examples(1500)
@given(st.binary(min_size=2, max_size=2), pieces)
@example(b"\0\x20", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" * 3)
def test_a_connection_stands_whatever_comes(cut, data):
    fuzzing.http(cut + data)


SAID = [
    {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True, "tools": []},
    {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
    {"model": "m", "input": [{"type": "message", "role": "user", "content": "x"}], "instructions": "y"},
    {"model": "m", "prompt": "x", "input": ["a", "b"], "encoding_format": "base64"},
    {"id": "1", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"},
     "delta": {"content": "x"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}},
    {"type": "message_start", "message": {"id": "1", "content": [], "usage": {"input_tokens": 1}}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}},
    {"type": "response.created", "response": {"id": "1", "output": [], "status": "in_progress"}},
    {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}]},
    {"output": {"message": {"role": "assistant", "content": [{"text": "x"}]}}, "stopReason": "end_turn"},
    {"error": {"message": "x", "type": "y", "code": 3}},
]  # fmt: skip
BODIES = [json.dumps(said).encode() for said in SAID]


@st.composite
def bent(draw, seeds):
    """One of these with a few places overwritten, cut out or doubled."""
    said = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(said)))
        end = min(len(said), at + draw(st.integers(0, 12)))
        put = draw(st.binary(max_size=3) | st.sampled_from([b"null", b"[]", b"{}", b"-1", b"1e999",
                   b'"\\ud800"', said[at:end] * 2, b"[" * 300]))  # fmt: skip
        said = said[:at] + put + said[end:]
    return said


@examples(600)
@given(bent(BODIES))
def test_every_reader_reads_or_refuses_by_name(body):
    fuzzing.readers(body)


@pytest.mark.parametrize("body", [*NOT_JSON, *TOO_DEEP, *(json.dumps(odd).encode() for odd in ODD)])
def test_every_reader_knows_what_is_none(body):
    fuzzing.readers(body)


def _messages():
    for said in BODIES[4:]:
        yield eventstream.encode(
            {":event-type": "contentBlockDelta", ":message-type": "event"}, said
        )
    yield eventstream.encode({":exception-type": "throttlingException"}, b'{"message":"x"}')


STREAMS = [
    b"", b"data: [DONE]\n\n", b": comment\n\n", b"\r\n\r", b"data:\n\n", *_messages(),
    *(b"event: %b\ndata: %b\n\n" % (said.get("type", "x").encode(), body)
      for said, body in zip(SAID, BODIES, strict=True)),
    *(b"data: %b\r\n\r\n" % body for body in BODIES),
]  # fmt: skip


@examples(600)
@given(st.binary(min_size=2, max_size=2), st.lists(bent(STREAMS), max_size=4).map(b"".join))
def test_every_stream_is_read_or_refused(cut, data):
    fuzzing.streams(cut + data)


def test_the_longer_search_says_what_it_needs():
    script = Path(__file__).parents[2] / "fuzz" / "fuzz_http.py"
    hidden = f"import sys, runpy; sys.modules['atheris'] = None; sys.argv = ['x', 'http']; runpy.run_path({str(script)!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", hidden], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install atheris" in done.stderr
