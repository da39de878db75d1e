"""A stream of what a page shows: each change once, and again where it was caught in the middle."""

import asyncio

from volano.core.errors import NotFoundError
from volano.web.pages import live


class Listener:
    def __init__(self, looks):
        self.left = looks

    async def is_disconnected(self):
        self.left -= 1
        return self.left < 0


def told(monkeypatch, *drawn, seen=""):
    monkeypatch.setattr(live, "EVERY_S", 0)
    left = list(drawn)

    def draw():
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    async def read():
        return [one async for one in live.stream(Listener(len(drawn)), draw, seen)]

    return asyncio.run(read())[1:]


def test_a_change_is_sent_once_when_it_stays(monkeypatch):
    assert told(monkeypatch, ("a", "old"), ("a", "old"), ("a", "old")) == [live.message("a", "old")]


def test_what_was_drawn_while_it_changed_is_sent_again(monkeypatch):
    """The name is already that of the end, the words are those of before."""
    found = told(
        monkeypatch, ("a", "moving"), ("a", "moving"), ("b", "moving"), ("b", "back"), ("b", "back")
    )
    assert found == [
        live.message("a", "moving"),
        live.message("b", "moving"),
        live.message("b", "back"),
    ]


def test_words_of_time_that_pass_later_send_nothing(monkeypatch):
    assert len(told(monkeypatch, ("a", "1 s"), ("a", "1 s"), ("a", "2 s"), ("a", "3 s"))) == 1


def test_who_comes_back_gets_nothing_until_something_changes(monkeypatch):
    assert told(monkeypatch, ("a", "x"), ("a", "y"), seen="a") == []


def test_what_is_out_of_reach_leaves_the_page_as_it_is(monkeypatch):
    assert told(monkeypatch, ("a", "x"), NotFoundError("gone"), ("a", "x")) == [
        live.message("a", "x")
    ]
