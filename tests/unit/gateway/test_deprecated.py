"""Callers of what should be left are told with every answer: plain, streamed, cached, at all doors."""

import json
from email.utils import parsedate_to_datetime

import pytest
from msgspec import structs

from simulators.line import Line, ask
from simulators.workers import KEY, NARROW, Channel, Key, Workers, arm, hashed, snapshot
from volano.gateway.deprecated import Deprecated
from volano.gateway.errors import SnapshotError
from volano.gateway.routes import Route
from volano.gateway.snapshot import Caching, write

LEFT = Deprecated(1_793_491_200, 1_803_859_200, "/v1/models/support")
TOLD = {
    "deprecation": "@1793491200",
    "sunset": "Mon, 01 Mar 2027 00:00:00 GMT",
    "link": '</v1/models/support>; rel="successor-version"',
}
STAGING = {hashed(NARROW): Key(id="ijklmnop", scopes=("chat:support/staging",))}


@pytest.fixture(scope="module")
def served(upstream, tmp_path_factory):
    def at(act, left=None):
        return (structs.replace(arm(upstream.url, act), deprecated=left),)

    made = Workers(tmp_path_factory.mktemp("left") / "state", retry_s=0.1, retries=0)
    channels = {
        "support": Channel(arms=at("ok")),
        "support/staging": Channel(arms=at("ok")),
        "left": Channel(arms=at("ok", LEFT)),
        "left/failing": Channel(arms=at("status-500", LEFT)),
        "left/kept": Channel(arms=at("ok", LEFT), caching=Caching(300)),
        "left/someday": Channel(arms=at("ok", Deprecated(1_793_491_200))),
    }
    published = snapshot(channels)
    published = structs.replace(published, closed={"régi/2024": "support"})
    made.publish(structs.replace(published, keys={**published.keys, **STAGING}))
    made.start(1)
    yield made
    made.close()


@pytest.fixture
def line(served):
    made = Line(served.port)
    yield made
    made.close()


def question(channel, **more):
    return {"model": channel, "messages": [{"role": "user", "content": "Hi"}], **more}


def told(headers):
    return {name: headers[name] for name in TOLD if name in headers}


@pytest.mark.parametrize("more", [{}, {"stream": True}])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_an_answer_says_until_when_and_for_what(line, more, path):
    body = question("left", max_tokens=9, **more)
    status, headers, _ = line.send(ask(body, path=path)).answer()
    assert (status, told(headers)) == (200, TOLD)


def test_what_goes_on_says_nothing_of_it(line):
    for more in ({}, {"stream": True}):
        status, headers, _ = line.send(ask(question("support", **more))).answer()
        assert (status, told(headers)) == (200, {})


@pytest.mark.parametrize("more", [{}, {"stream": True}])
def test_an_answer_that_was_kept_says_it_too(line, more):
    for said in ("miss", "hit"):
        _, headers, _ = line.send(ask(question("left/kept", **more))).answer()
        assert (headers["x-volano-cache"], told(headers)) == (said, TOLD)


def test_an_error_of_the_model_says_it_too(line):
    status, headers, _ = line.send(ask(question("left/failing"))).answer()
    assert (status, told(headers)) == (500, TOLD)


def test_without_a_day_and_a_successor_only_the_beginning_is_said(line):
    _, headers, _ = line.send(ask(question("left/someday"))).answer()
    assert told(headers) == {"deprecation": TOLD["deprecation"]}


def test_the_date_is_what_clients_read(line):
    _, headers, _ = line.send(ask(question("left"))).answer()
    assert parsedate_to_datetime(headers["sunset"]).timestamp() == LEFT.until_s


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/models"])
def test_who_calls_a_closed_channel_is_told_what_follows(line, path):
    def sent(key):
        if path == "/v1/models":
            return ask(b"", method="GET", path="/v1/models/r%C3%A9gi/2024", key=key)
        return ask(question("régi/2024", max_tokens=9), path=path, key=key)

    status, _, body = line.send(sent(KEY)).answer()
    error = json.loads(body)["error"]
    assert status == 404
    assert "The channel `régi/2024` is closed; `support` follows it." in error["message"]
    if path != "/v1/messages":
        assert error["code"] == "model_not_found"
    status, _, body = line.send(sent(NARROW)).answer()  # it never could call it
    assert status == 404
    assert b"follows" not in body


def test_a_key_of_one_environment_calls_that_one(line):
    status, headers, _ = line.send(ask(question("support/staging"), key=NARROW)).answer()
    assert (status, headers["x-volano-release"]) == (200, "support@1")
    assert line.send(ask(question("support"), key=NARROW)).answer()[0] == 403
    assert line.send(ask(question("support/staging"), key=KEY)).answer()[0] == 200


@pytest.mark.parametrize(
    "left",
    [Deprecated(-1), Deprecated(1, 1 << 60), Deprecated(1, 2, "/a\r\nset-cookie: b"),
     Deprecated(1, 2, "http://elsewhere/"), Deprecated(1, 2, '/a>; rel="x'), Deprecated(1, 2, "/é")],
)  # fmt: skip
def test_lines_that_say_anything_else_are_not_published(tmp_path, left):
    channels = {"a": Channel(arms=(structs.replace(arm("http://h", "m"), deprecated=left),))}
    with pytest.raises(SnapshotError):
        write(tmp_path / "snapshot.json", snapshot(channels))


def test_the_lines_are_made_once_with_the_route():
    left = Route(structs.replace(arm("http://h", "m"), deprecated=LEFT), [])
    plain = Route(arm("http://h", "m"), [])
    assert left.json_head == plain.json_head + LEFT.lines()
    assert left.stream_head == plain.stream_head + LEFT.lines()
