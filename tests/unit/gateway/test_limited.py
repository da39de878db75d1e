"""Limits on the path: who is over them hears when to come back, and nothing stays counted."""

import json
import threading

import anthropic
import openai
import pytest

from simulators.line import Line, ask, call_of, chat
from simulators.workers import KEY, Channel, Key, Workers, arm, hashed, snapshot, until
from volano.gateway.snapshot import Limit
from volano.gateway.tally import Tally

CHANNELS = ("ok", "slow", "few", "tokens", "one", "stall", "status-500")


@pytest.fixture(scope="module")
def own(upstream, tmp_path_factory):
    made = Workers(tmp_path_factory.mktemp("limited") / "state", retry_s=0.1, retries=0)
    tally = Tally(made.folder / "run" / "limits.bin")
    tally.back(8)
    acts = {"few": "ok", "tokens": "ok", "one": "slow"}
    channels = {n: Channel(arms=(arm(upstream.url, acts.get(n, n)),)) for n in CHANNELS}
    limits = {
        "channel/few": Limit(slot=0, use=1, rpm=3),
        "channel/tokens": Limit(slot=1, use=1, tpm=400),
        "channel/one": Limit(slot=2, use=1, concurrency=1),
        "group/team": Limit(slot=3, use=1, rpm=100_000, tpm=10_000_000, concurrency=1000),
    }
    made.publish(snapshot(channels, limits=limits))
    made.start(1, timeouts="first_byte_s=1.0")
    yield made
    made.close()


@pytest.fixture()
def line(own):
    made = Line(own.port)
    yield made
    made.close()


def test_requests_a_minute(line, own):
    left = []
    for _ in range(3):
        status, headers, _ = line.send(ask(chat("few"))).answer()
        assert status == 200
        left.append(headers["x-ratelimit-remaining-requests"])
    assert left == ["2", "1", "0"]
    status, headers, body = line.send(ask(chat("few"))).answer()
    assert status == 429
    assert json.loads(body)["error"]["type"] == "rate_limit_error"
    assert 1 <= int(headers["retry-after"]) <= 63
    assert headers["x-ratelimit-limit-requests"] == "3"
    call = call_of(own, headers["x-volano-trace"])
    assert (call.outcome, call.status, call.target) == ("refused", 429, "")
    client = openai.OpenAI(base_url=own.url, api_key=KEY, max_retries=0)
    with client, pytest.raises(openai.RateLimitError, match="3 requests a minute"):
        client.chat.completions.create(**chat("few"))


def test_the_refusal_is_in_the_words_of_the_door(own):
    client = anthropic.Anthropic(base_url=own.url[:-3], api_key=KEY, max_retries=0)
    with client, pytest.raises(anthropic.RateLimitError, match="requests a minute"):
        for _ in range(4):
            client.messages.create(
                model="few", max_tokens=5, messages=[{"role": "user", "content": "?"}]
            )


def test_what_was_guessed_is_replaced_by_what_was_used(line):
    """The guess is some 270 tokens a call; each uses 12, so that many more fit than by the guess."""
    for n in range(5):
        status, headers, _ = line.send(ask(chat("tokens"))).answer()
        assert status == 200, n
    assert int(headers["x-ratelimit-remaining-tokens"]) < 400
    status, _, body = line.send(ask(chat("tokens", max_tokens=5000))).answer()
    assert status == 429
    assert "more than the channel `tokens` may ever use" in json.loads(body)["error"]["message"]


def test_calls_at_once_and_a_place_given_back(own, upstream):
    first, second = Line(own.port), Line(own.port)
    seen = len(upstream.seen)
    first.send(ask(chat("one")))
    until(lambda: len(upstream.seen) > seen)
    status, headers, _ = second.send(ask(chat("one"))).answer()
    assert status == 429
    assert "retry-after" in headers
    assert first.answer()[0] == 200
    assert second.send(ask(chat("one"))).answer()[0] == 200
    first.close()
    second.close()


@pytest.mark.parametrize("end", ["left", "timeout", "error", "refused"])
def test_every_end_gives_the_place_back(own, upstream, end):
    tally = Tally(own.folder / "run" / "limits.bin")
    model = {"left": "stall", "timeout": "stall", "error": "status-500", "refused": "ok"}[end]
    line = Line(own.port)
    seen = len(upstream.seen)
    body = chat(model, messages="?") if end == "refused" else chat(model)
    line.send(ask(body))
    if end == "left":
        until(lambda: len(upstream.seen) > seen)
        line.close()
    else:
        assert line.answer()[0] in (400, 500, 504)
    until(lambda: tally.usage(3, 1)[2] == 0)
    tally.close()


def test_many_at_once_are_all_counted(own):
    before = len(own.frames())
    threads = [threading.Thread(target=_ten, args=(own.port,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(own.frames()) - before == 80


def _ten(port: int) -> None:
    line = Line(port)
    for _ in range(10):
        assert line.send(ask(chat("ok"))).answer()[0] == 200
    line.close()


def test_a_key_of_one_door_and_one_network(own, upstream):
    narrow = snapshot({"ok": Channel(arms=(arm(upstream.url, "ok"),))}, 2)
    narrow.keys[hashed(KEY)] = Key(id="abcdefgh", scopes=("chat:*", "door:anthropic.messages"))
    own.publish(narrow)
    line = Line(own.port)
    status, _, body = line.send(ask(chat("ok"))).answer()
    assert (status, json.loads(body)["error"]["code"]) == (403, "door_scope")
    far = snapshot({"ok": Channel(arms=(arm(upstream.url, "ok"),))}, 3)
    far.keys[hashed(KEY)] = Key(id="abcdefgh", ips=("10.0.0.0/8",))
    own.publish(far)
    line.close()
    line = Line(own.port)
    status, _, body = line.send(ask(chat("ok"))).answer()
    assert status == 403
    assert "127.0.0.1" in json.loads(body)["error"]["message"]
    line.close()
