"""Cached and coalesced answers through a real worker: the same bytes, a trace of their own, no cost."""

import itertools
import json
import resource
import signal

import anthropic
import openai
import pytest
from msgspec import structs

from simulators.line import Line, ask, call_of
from simulators.upstream import Upstream
from simulators.workers import KEY, Channel, Key, Workers, arm, hashed, snapshot, until
from volano.gateway.snapshot import Caching, Limit
from volano.gateway.tally import Tally

MATE = "vk_matematema_0123456789abcdefghijABCDEFGHIJ01_zzzzzz"
RIVAL = "vk_rivalrival_0123456789abcdefghijABCDEFGHIJ01_zzzzzz"
KEYS = {
    hashed(KEY): Key(id="abcdefgh", group="team/a"),
    hashed(MATE): Key(id="mate", group="team/a"),
    hashed(RIVAL): Key(id="rival", group="team/b"),
}
BAD = ["status-400", "status-500", "html", "lie", "close", "garbage"]
BAD_STREAMS = ["cut", "quiet-end", "error-event", "big"]
ACTS = ["ok", "held", "held-500", "endless", *BAD, *BAD_STREAMS]
GROUP = Caching(300)
_numbers = itertools.count()


def published(upstream, generation=1, *, release=1, since_us=0, caching=GROUP):
    def at(act):
        digest = {"release_digest": f"sha256:{release:064d}", "release": f"support@{release}"}
        return (structs.replace(arm(upstream.url, act, slot=3), **digest),)

    kept = structs.replace(caching, since_us=since_us) if caching else None
    channels = {act: Channel(arms=at(act), caching=kept) for act in ACTS}
    channels |= {
        "plain": Channel(arms=at("ok")),
        "shared": Channel(arms=at("ok"), caching=Caching(300, "channel")),
        "pinned": Channel(arms=at("ok"), caching=Caching(300, "release")),
        "pinned/staging": Channel(arms=at("ok"), caching=Caching(300, "release")),
        "few": Channel(arms=at("ok"), caching=GROUP),
        "tokens": Channel(arms=at("ok"), caching=GROUP),
    }
    limits = {
        "channel/few": Limit(slot=0, use=1, rpm=3),
        "channel/tokens": Limit(slot=1, use=1, tpm=340),
    }
    return structs.replace(snapshot(channels, generation, limits=limits), keys=KEYS)


def workers(folder, **more):
    made = Workers(folder, retry_s=0.1, retries=0, **more)
    Tally(made.folder / "run" / "limits.bin").back(8)
    return made


@pytest.fixture(scope="module")
def mock():
    made = Upstream()
    yield made
    made.release()
    made.stop()


@pytest.fixture(scope="module")
def own(mock, tmp_path_factory):
    made = workers(tmp_path_factory.mktemp("cached") / "state")
    made.publish(published(mock))
    made.start(1)
    yield made
    made.close()


@pytest.fixture()
def lines(own):
    """Make connections; they are closed in the end."""
    made = []

    def line():
        made.append(Line(own.port))
        return made[-1]

    yield line
    for each in made:
        each.close()


def question(channel="ok", **more):
    """One that nobody has asked yet."""
    said = [{"role": "user", "content": f"Where is parcel {next(_numbers)}?"}]
    return {"model": channel, "messages": said, **more}


def cached(answer):
    return answer[1].get("x-volano-cache")


@pytest.mark.parametrize("more", [{}, {"stream": True},
                                  {"stream": True, "stream_options": {"include_usage": True}},
                                  {"tools": [{"type": "function", "function": {"name": "f"}}]}])  # fmt: skip
def test_the_second_answer_is_the_first_one(own, mock, lines, more):
    line, body, seen = lines(), question(**more), len(mock.seen)
    first = line.send(ask(body)).answer()
    counted = own.shared.counts(3)
    second = line.send(ask(body)).answer()
    assert (first[0], cached(first), cached(second)) == (200, "miss", "hit")
    assert second[2] == first[2]
    same = ["content-type", "x-volano-release", "cache-control", "transfer-encoding"]
    assert [first[1].get(name) for name in same] == [second[1].get(name) for name in same]
    assert len(mock.seen) == seen + 1
    asked, repeated = (call_of(own, a[1]["x-volano-trace"]) for a in (first, second))
    assert (asked.tags, asked.target, asked.cost_nano, asked.priced_by) == ({}, "t1", None, "")
    assert (repeated.tags, repeated.cost_nano, repeated.priced_by) == ({"cache": "hit"}, 0, "cache")
    assert (repeated.outcome, repeated.status, repeated.target) == ("ok", 200, "")
    assert (repeated.release, repeated.arm, repeated.group) == ("support@1", "stable", "team/a")
    assert repeated.began_us <= repeated.first_us <= repeated.ended_us
    assert repeated.response == first[2]
    assert repeated.request == json.dumps(body, ensure_ascii=False).encode()
    assert own.shared.counts(3) == counted  # the guard looks at what the release does now


def test_official_clients_see_no_difference(own, mock):
    body, seen = question(), len(mock.seen)
    with openai.OpenAI(base_url=own.url, api_key=KEY, max_retries=0) as client:
        ask_for = client.chat.completions.with_raw_response.create
        plain = [ask_for(**body) for _ in range(2)]
        assert [one.headers["x-volano-cache"] for one in plain] == ["miss", "hit"]
        assert plain[0].parse() == plain[1].parse()
        streams = [list(client.chat.completions.create(**body, stream=True)) for _ in range(2)]
        assert streams[0] == streams[1]
        assert "".join(c.choices[0].delta.content or "" for c in streams[1]).startswith("Hello")
    assert len(mock.seen) == seen + 2
    base = own.url.removesuffix("/v1")
    said = {**question(), "max_tokens": 50}
    with anthropic.Anthropic(base_url=base, api_key=KEY, max_retries=0) as client:
        asked = [client.messages.create(**said) for _ in range(2)]
        assert asked[0] == asked[1]
        streamed = [list(client.messages.create(**said, stream=True)) for _ in range(2)]
        assert streamed[0] == streamed[1]
    assert len(mock.seen) == seen + 4


def test_only_the_same_question_is_answered_again(lines):
    line, body = lines(), question()
    assert cached(line.send(ask(body)).answer()) == "miss"
    for who in ({"user": "ben"}, {"metadata": {"a": "b"}}, {"user": "anna", "metadata": {}}):
        assert cached(line.send(ask({**body, **who})).answer()) == "hit"
        assert cached(line.send(ask({**who, **body})).answer()) == "hit"
    assert cached(line.send(ask({**body, "temperature": 0})).answer()) == "miss"
    assert cached(line.send(ask({**body, "stream": True})).answer()) == "miss"


def test_the_same_bytes_at_another_door_are_read_there(lines):
    """A chat that no completion can be: it stays refused, however often it was a good chat."""
    line, body = lines(), question()
    chats = [line.send(ask(body)).answer() for _ in range(2)]
    assert [(a[0], cached(a)) for a in chats] == [(200, "miss"), (200, "hit")]
    for _ in range(2):
        assert line.send(ask(body, path="/v1/completions")).answer()[0] == 400


def test_groups_share_only_where_the_owner_says_so(lines, mock):
    line, seen = lines(), len(mock.seen)

    def who(channel, *keys):
        body = question(channel)
        return [cached(line.send(ask(body, key=key)).answer()) for key in keys]

    assert who("ok", KEY, RIVAL, MATE, RIVAL) == ["miss", "miss", "hit", "hit"]
    assert who("shared", KEY, RIVAL, MATE) == ["miss", "hit", "hit"]
    assert who("pinned", KEY, RIVAL) == ["miss", "hit"]
    assert len(mock.seen) == seen + 4


def test_channels_share_only_in_the_scope_of_the_release(lines):
    line = lines()
    for channel, found in (("pinned", "hit"), ("shared", "miss")):
        body = question(channel)
        line.send(ask(body)).answer()
        assert cached(line.send(ask({**body, "model": "pinned/staging"})).answer()) == found


def test_a_channel_without_a_cache_says_nothing_of_it(lines, mock):
    line, body, seen = lines(), question("plain"), len(mock.seen)
    answers = [line.send(ask(body, "x-volano-cache: nonsense")).answer() for _ in range(2)]
    assert [(a[0], cached(a)) for a in answers] == [(200, None)] * 2
    assert len(mock.seen) == seen + 2


def test_a_client_may_do_without(lines, mock):
    line, body, seen = lines(), question(), len(mock.seen)

    def how(*headers):
        return cached(line.send(ask(body, *headers)).answer())

    assert how("x-volano-cache: off") is None
    assert how() == "miss"  # off did not write
    assert how("x-volano-cache: OFF") is None
    assert how() == "hit"
    assert how("x-volano-cache: refresh") == "miss"
    assert how() == "hit"
    assert len(mock.seen) == seen + 4
    status, _, answer = line.send(ask(body, "x-volano-cache: perhaps")).answer()
    assert status == 400
    assert "cannot be `perhaps`" in json.loads(answer)["error"]["message"]


@pytest.mark.parametrize(("act", "stream"), [
    *((act, False) for act in BAD), *((act, True) for act in BAD if act != "lie"),
])  # fmt: skip
def test_what_fails_is_never_kept(own, lines, act, stream):
    body = question(act, stream=stream)
    for _ in range(2):
        answer = lines().send(ask(body)).answer()
        assert (answer[0] != 200, cached(answer)) == (True, "miss")
        assert call_of(own, answer[1]["x-volano-trace"]).tags == {}


@pytest.mark.parametrize("act", BAD_STREAMS)
def test_a_stream_that_is_cut_or_too_long_is_never_kept(lines, mock, act):
    seen = len(mock.seen)
    body = question(act, stream=True)
    for _ in range(2):
        assert cached(lines().send(ask(body)).answer()) == "miss"
    assert len(mock.seen) == seen + 2


def test_what_nobody_waited_for_is_never_kept(own, lines, mock):
    body = question("endless", stream=True)
    for _ in range(2):
        gone, line, seen = mock.gone, lines(), len(mock.seen)
        head = line.send(ask(body)).until(b"Hello").decode()
        assert "x-volano-cache: miss" in head
        line.close()
        until(lambda gone=gone: mock.gone > gone)
        trace = head.split("x-volano-trace: ")[1][:32]
        until(lambda trace=trace: trace in {call.id for call in own.frames()})
        assert call_of(own, trace).outcome == "left"
        assert len(mock.seen) == seen + 1


def test_a_repeated_answer_is_a_request_of_no_tokens(lines):
    line, few, tokens = lines(), question("few"), question("tokens", max_tokens=305)
    left = [line.send(ask(few)).answer()[1]["x-ratelimit-remaining-requests"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    assert line.send(ask(few)).answer()[0] == 429
    answers = [line.send(ask(tokens)).answer() for _ in range(5)]
    assert [cached(a) for a in answers] == ["miss", *["hit"] * 4]
    # Twelve of 340 are used. What may take 332 does not come in any more, a hit does.
    assert line.send(ask(question("tokens", max_tokens=305))).answer()[0] == 429


def test_a_new_release_has_no_old_answers(tmp_path, mock):
    own = workers(tmp_path / "state")
    try:
        own.publish(published(mock))
        own.start(1)
        line, body = Line(own.port), question()

        def how():
            return cached(line.send(ask(body)).answer())

        assert [how(), how()] == ["miss", "hit"]
        own.publish(published(mock, 2, release=2))
        assert [how(), how()] == ["miss", "hit"]
        own.publish(published(mock, 3, release=1))
        assert how() == "hit"  # it went back: what it said before is still true
        own.publish(published(mock, 4, release=1, since_us=9))
        assert [how(), how()] == ["miss", "hit"]  # said anew: emptied
        own.publish(published(mock, 5, caching=None))
        assert how() is None
        own.publish(published(mock, 6, since_us=9))
        assert how() == "miss"
        line.close()
    finally:
        own.close()


@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_recorded_is_not_answered_again(tmp_path, mock, stream):
    own = workers(tmp_path / "state")
    try:
        own.publish(published(mock))
        own.start(1)
        line, body = Line(own.port), question(stream=stream)
        line.send(ask(body)).answer()
        # No more can be written: the next hit is the one that finds out.
        resource.prlimit(own.processes[0].pid, resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
        status, headers, answer = line.send(ask(body)).answer()
        assert (status, headers["retry-after"]) == (503, "1")
        assert json.loads(answer)["error"]["code"] == "spool_full"
        line.close()
    finally:
        own.close()


def under_way(mock, lines, body, followers, **more):
    """A leader whose answer is held, and followers that wait in the worker for sure."""
    calm(mock)
    leader = lines().send(ask(body, **more))
    until(lambda: mock.held == 1)
    waiting = [lines().send(ask(body, **more)) for _ in range(followers)]
    lines().send(ask(question("plain"))).answer()  # what was sent before has been read by now
    assert mock.held == 1
    return leader, waiting


def calm(mock):
    """Let go of what earlier tests left held, and wait until it is gone."""
    mock.release()
    until(lambda: mock.held == 0)


@pytest.mark.parametrize("stream", [False, True])
def test_identical_calls_are_asked_once(own, mock, lines, stream):
    body, seen = question("held", stream=stream), len(mock.seen)
    leader, waiting = under_way(mock, lines, body, 3)
    mock.release()
    first, rest = leader.answer(), [line.answer() for line in waiting]
    assert (first[0], cached(first)) == (200, "miss")
    assert [(a[0], cached(a), a[2]) for a in rest] == [(200, "coalesced", first[2])] * 3
    assert sum(b["messages"] == body["messages"] for _, b in mock.seen[seen:]) == 1
    for answer in rest:
        call = call_of(own, answer[1]["x-volano-trace"])
        assert (call.tags, call.cost_nano, call.priced_by) == ({"cache": "coalesced"}, 0, "cache")
    assert cached(lines().send(ask(body)).answer()) == "hit"


def test_another_group_does_not_wait_for_this_one(mock, lines):
    body = question("held")
    leader, _ = under_way(mock, lines, body, 0)
    held = mock.held
    other = lines().send(ask(body, key=RIVAL))
    until(lambda: mock.held == held + 1)
    mock.release()
    assert (cached(leader.answer()), cached(other.answer())) == ("miss", "miss")


def test_a_leader_who_leaves_takes_nobody_along(own, mock, lines):
    body = question("held")
    leader, waiting = under_way(mock, lines, body, 2)
    held = mock.held
    leader.close()
    until(lambda: mock.held == held + 2)  # each asks for itself; the leader's is still held there
    late = lines().send(ask(body))
    lines().send(ask(question("plain"))).answer()
    assert mock.held == held + 2  # who comes now waits for one of them
    mock.release()
    answers = [line.answer() for line in waiting]
    assert [(a[0], cached(a)) for a in answers] == [(200, "miss")] * 2
    assert cached(late.answer()) == "coalesced"


def test_a_follower_who_leaves_is_missed_by_nobody(own, mock, lines):
    body = question("held", stream=True)
    leader, (gone, there) = under_way(mock, lines, body, 2)
    before = {call.id for call in own.frames()}
    gone.close()
    until(lambda: {call.id for call in own.frames()} > before)
    [left] = [call for call in own.frames() if call.id not in before]
    assert (left.outcome, left.status, left.tags) == ("left", 499, {})
    mock.release()
    assert (cached(leader.answer()), cached(there.answer())) == ("miss", "coalesced")


def test_when_the_leader_fails_each_asks_once_for_itself(mock, lines):
    body, seen = question("held-500"), len(mock.seen)
    leader, waiting = under_way(mock, lines, body, 3)
    mock.release()
    assert leader.answer()[0] == 500
    until(lambda: mock.held == 3)
    mock.release()
    answers = [line.answer() for line in waiting]
    assert [(a[0], cached(a)) for a in answers] == [(500, "miss")] * 3
    assert sum(b["messages"] == body["messages"] for _, b in mock.seen[seen:]) == 4


def test_nobody_waits_for_a_client_that_reads_slowly(own, lines, mock):
    body, seen = question("big", stream=True), len(mock.seen)
    slow = Line(own.port, receive_buffer=4096)
    slow.send(ask(body)).until(b"Hello")
    status, headers, answer = lines().send(ask(body)).answer()
    assert (status, headers["x-volano-cache"]) == (200, "miss")
    assert answer.endswith(b"data: [DONE]\n\n")
    assert len(mock.seen) == seen + 2
    slow.close()


def test_who_waited_too_long_asks_for_itself(tmp_path, mock):
    own = workers(tmp_path / "state", coalesce_s=0.2)
    made = []
    try:
        own.publish(published(mock))
        own.start(1)
        calm(mock)
        held, body = 0, question("held")
        made = [Line(own.port).send(ask(body)) for _ in range(2)]
        until(lambda: mock.held == held + 2)
        mock.release()
        assert [cached(line.answer()) for line in made] == ["miss", "miss"]
    finally:
        for line in made:
            line.close()
        own.close()


def test_a_worker_that_ends_lets_nobody_wait(tmp_path, mock):
    own = workers(tmp_path / "state", drain_s=0.3)
    made = []

    def lines():
        made.append(Line(own.port))
        return made[-1]

    try:
        own.publish(published(mock))
        own.start(1)
        leader, waiting = under_way(mock, lines, question("held"), 2)
        own.processes[0].send_signal(signal.SIGTERM)
        answers = [line.answer() for line in (leader, *waiting)]
        assert [a[0] for a in answers] == [503] * 3
        assert own.processes[0].wait(30) == 0
        ended = [call for call in own.frames() if call.channel == "held"]
        assert [(c.outcome, c.error) for c in ended] == [("error", "the gateway was stopped")] * 3
        assert own.shared.counts(3) == (1, 0)  # of the calm one only
    finally:
        for line in made:
            line.close()
        own.close()
