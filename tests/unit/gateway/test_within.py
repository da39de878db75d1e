"""Who is within the scope of a rollout, and in which language a call is."""

import json
import threading

import pytest

from volano.core.errors import InvalidError
from volano.gateway.door import DOORS
from volano.gateway.languages import MOST_CHARS, Languages, last_words
from volano.gateway.routes import Route, RoutedChannel
from volano.gateway.snapshot import Arm, Channel, Key, Scope, Target
from volano.gateway.within import Within

TARGET = (Target(name="t", url="unix:/x", model="m"),)
BY_NAME = {door.name: door for door in DOORS}
KEY = Key("k-1", "shop/support")


@pytest.mark.parametrize(
    ("scope", "tags", "here", "inside"),
    [
        ({}, {}, "", True),
        ({"keys": ("k-1", "k-2")}, {}, "", True),
        ({"keys": ("k-2",)}, {}, "", False),
        ({"groups": ("shop",)}, {}, "", True),
        ({"groups": ("sho",)}, {}, "", False),
        ({"groups": ("shop/support/night",)}, {}, "", False),
        ({"regions": ("EU",)}, {}, "eu", True),
        ({"regions": ("eu",)}, {"region": "us"}, "eu", False),
        ({"regions": ("eu",)}, {"region": "eu"}, "us", True),
        ({"regions": ("eu",)}, {}, "", False),
        ({"tags": ("tier=gold",)}, {"tier": "gold"}, "", True),
        ({"tags": ("tier=gold",)}, {"tier": "silver"}, "", False),
        ({"tags": ("Beta",)}, {"beta": ""}, "", True),
        ({"tags": ("beta", "tier=gold")}, {"tier": "gold"}, "", True),
        ({"tags": ("beta",)}, {}, "", False),
        ({"languages": ("hu-HU",)}, {}, "", True),
        ({"languages": ("de",)}, {}, "", False),
        ({"languages": ("hu",), "tags": ("beta",)}, {}, "", False),
        ({"languages": ("hu",), "groups": ("shop",)}, {}, "", True),
    ],
)
def test_each_field_that_says_something_must_fit(scope, tags, here, inside):
    assert Within(Scope(**scope), here)(KEY, tags, lambda: "hu") is inside


def test_the_language_is_not_asked_where_it_cannot_matter():
    def asked():
        raise AssertionError("it costs")

    assert Within(Scope(keys=("k-1",)))(KEY, {}, asked)
    assert not Within(Scope(keys=("k-2",), languages=("hu",)))(KEY, {}, asked)


def test_calls_outside_get_the_stable_release_under_another_name():
    arms = tuple(
        Arm(release=f"s@{n}", release_digest="", targets=TARGET, share=share, arm=role)
        for n, (share, role) in enumerate(((900_000, "stable"), (100_000, "candidate")), 1)
    )
    made = RoutedChannel(
        Channel(arms, scope=Scope(regions=("eu",))), [Route(arm, []) for arm in arms], "us"
    )
    assert (made.aside.info.release, made.aside.arm) == ("s@1", "outside")
    assert made.within is not None


def body(door, text):
    if door == "openai.responses":
        return {"model": "m", "input": text}
    if door == "openai.completions":
        return {"model": "m", "prompt": text}
    if door == "openai.embeddings":
        return {"model": "m", "input": [text]}
    said = [
        {"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "Here."},
        {"role": "user", "content": [{"type": "text", "text": text}]},
    ]  # fmt: skip
    return {"model": "m", "messages": said, "max_tokens": 5}


@pytest.mark.parametrize("door", list(BY_NAME))
def test_the_last_words_of_the_user_are_found_at_each_door(door):
    sent = json.dumps(body(door, "Hol van a csomagom?")).encode()
    found = BY_NAME[door]
    assert last_words(found, found.peek(sent), sent) == "Hol van a csomagom?"


@pytest.mark.parametrize("content", [None, 5, {"a": 1}, [5], [{"text": 5}], [], ""])
def test_a_message_without_words_has_no_language(content):
    door = BY_NAME["openai.chat"]
    sent = json.dumps({"model": "m", "messages": [{"role": "user", "content": content}]}).encode()
    assert last_words(door, door.peek(sent), sent) == ""


def told(languages, text="Hol van?", tags=(), fields=()):
    door = BY_NAME["openai.chat"]
    sent = json.dumps(body("openai.chat", text)).encode()
    return languages.of(dict(tags), dict(fields), door, door.peek(sent), sent)


def ready(load):
    languages = Languages(load)
    languages.want()
    for thread in threading.enumerate():
        if thread.name == "languages":
            thread.join(10)
    return languages


def test_what_is_said_comes_before_what_is_read():
    heard = []
    languages = ready(lambda: lambda text: heard.append(text) or "hu")
    assert told(languages, tags={"language": "de-AT"}) == "de"
    assert told(languages, fields={b"accept-language": b"ru-RU,ru;q=0.9,en;q=0.1"}) == "ru"
    assert heard == []
    assert told(languages, fields={b"accept-language": b"*"}) == "hu"
    assert told(languages, fields={b"accept-language": b"\xff\x00;;,"}) != "hu"


def test_only_the_beginning_is_read_and_the_same_words_once():
    heard = []
    languages = ready(lambda: lambda text: heard.append(text) or "hu")
    for _ in range(3):
        told(languages, "szó " * 5000)
    assert [len(text) for text in heard] == [MOST_CHARS]


def test_without_what_tells_languages_a_call_has_none(caplog):
    class MissingError(InvalidError):
        """It is not installed."""

    def load():
        raise MissingError

    languages = ready(load)
    assert not languages.ready
    assert told(languages) == ""
    assert told(languages, tags={"language": "hu"}) == "hu"
    assert "calls that do not say their language are in none" in caplog.text


def test_it_is_read_once_and_only_when_wanted():
    begun = []
    languages = Languages(lambda: begun.append(1) or (lambda _: "hu"))
    assert told(languages) == ""
    for _ in range(5):
        languages.want()
    for thread in threading.enumerate():
        if thread.name == "languages":
            thread.join(10)
    assert begun == [1]


def test_py3langid_tells_hungarian_from_german():
    pytest.importorskip("py3langid")
    languages = ready(None)
    assert told(languages, "Hol van a csomagom? Két hete várok rá, és senki sem válaszol.") == "hu"
    assert told(languages, "Wo ist mein Paket? Ich warte seit zwei Wochen darauf.") == "de"
    assert told(languages, "我的包裹在哪里？我已经等了两个星期了。") == "zh"


def test_a_channel_that_needs_no_language_reads_nothing():
    arms = (Arm(release="s@1", release_digest="", targets=TARGET),)
    made = RoutedChannel(Channel(arms, scope=Scope(keys=("k",))), [Route(arms[0], [])])
    assert made.within is not None
    assert not made.within.asks_language


def test_a_channel_with_a_scope_asks_also_where_one_release_answers_all():
    arms = (Arm(release="s@1", release_digest="", targets=TARGET),)
    made = RoutedChannel(Channel(arms, scope=Scope(tags=("x",))), [Route(arms[0], [])])
    assert not made.plain
    assert (made.aside.arm, made.aside.info.release) == ("outside", "s@1")
