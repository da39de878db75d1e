"""Simulated providers on a socket: whole, streamed, byte by byte, stalled, cut."""

import http.client

import pytest

from simulators.providers import bedrock, gemini
from simulators.providers.serving import Provider
from volano.wire import sigv4
from volano.wire.dialects.bedrock import BEDROCK
from volano.wire.dialects.gemini import GEMINI
from volano.wire.exchange import Ask, Finished, Text, Turn

NOW_US = 1_795_000_000_000_000


def send(provider: Provider, dialect, *, stream: bool):
    asked = Ask("x.anthropic.y:0", [Turn("user", [Text("Hi")])], stream=stream)
    path, body = dialect.path(asked), dialect.write_ask(asked)
    headers = {"content-type": "application/json"}
    if dialect is GEMINI:
        headers["x-goog-api-key"] = gemini.KEY
    else:
        headers |= dict(
            sigv4.sign(
                "POST", path, host=provider.host, headers=list(headers.items()), body=body,
                credentials=sigv4.Credentials(bedrock.ACCESS_KEY, bedrock.SECRET_KEY),
                scope=sigv4.Scope(bedrock.REGION, "bedrock"), at_us=NOW_US,
            )
        )  # fmt: skip
    connection = http.client.HTTPConnection(provider.host, timeout=30)
    connection.request("POST", path, body, headers)
    return connection, connection.getresponse()


@pytest.fixture(
    params=[(gemini.answer, GEMINI), (bedrock.answer, BEDROCK)], ids=["gemini", "bedrock"]
)
def served(request):
    answer, dialect = request.param
    with Provider(answer) as provider:
        yield provider, dialect


@pytest.mark.parametrize("piece", [0, 7])
def test_whole_and_streamed(served, piece):
    provider, dialect = served
    provider.piece = piece
    connection, response = send(provider, dialect, stream=False)
    assert Text("Hello wörld 你好 🎡") in dialect.read_reply(response.read()).parts
    connection.close()
    connection, response = send(provider, dialect, stream=True)
    reader = dialect.event_reader()
    assert isinstance(reader.feed(response.read())[-1], Finished)
    assert reader.complete
    connection.close()


@pytest.mark.parametrize("act", ["cut", "stall"])
def test_a_broken_stream(served, act):
    provider, dialect = served
    provider.script(act)
    connection, response = send(provider, dialect, stream=True)
    reader, events = dialect.event_reader(), []
    with pytest.raises((http.client.IncompleteRead, TimeoutError)):
        while data := response.read1():
            events += reader.feed(data)
        raise http.client.IncompleteRead(b"")
    assert events
    assert not reader.complete
    connection.close()
    connection, response = send(provider, dialect, stream=False)
    assert response.status == 200
    connection.close()


def test_rate_limits_say_when(served):
    provider, dialect = served
    provider.script("status-429")
    connection, response = send(provider, dialect, stream=True)
    assert response.status == 429
    assert int(response.headers["retry-after"]) > 0
    assert dialect.read_error(429, response.read()).kind == "rate_limit_error"
    connection.close()
