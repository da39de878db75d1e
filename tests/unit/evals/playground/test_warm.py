"""Engines are opened once, kept while they are asked, and ended when nobody does."""

import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from volano.core.errors import InvalidError
from volano.evals.playground.warm import Warm
from volano.serving import ChatUnavailableError


class House:
    def __init__(self, *, fails=False):
        self.opened, self.ended, self.fails = [], [], fails

    @contextmanager
    def open(self, model, folder):
        assert folder.is_dir()
        if self.fails:
            raise InvalidError
        self.opened.append(model.digest)
        yield f"chat of {model.digest}"
        self.ended.append(model.digest)


def model(name):
    return SimpleNamespace(digest=name)


def test_a_model_is_opened_once_for_many_who_ask_at_the_same_time():
    house = House()
    warm = Warm(house.open)
    together = threading.Barrier(6)

    def ask():
        together.wait()
        with warm.chat(model("a")) as chat:
            assert chat == "chat of a"

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert house.opened == ["a"]
    assert house.ended == []
    warm.close()
    assert house.ended == ["a"]


def test_of_too_many_the_one_that_rested_longest_ends_and_none_that_is_asked():
    house = House()
    warm = Warm(house.open, most=2)
    with warm.chat(model("busy")):
        for name in ("a", "b", "c"):
            with warm.chat(model(name)):
                pass
        assert house.ended == ["a", "b"]
    warm.close()
    assert sorted(house.ended) == ["a", "b", "busy", "c"]


def test_what_nobody_asks_for_a_while_ends():
    house = House()
    warm = Warm(house.open, idle_s=-1)
    with warm.chat(model("a")):
        pass
    assert house.ended == ["a"]
    warm.close()


def test_one_that_does_not_answer_is_opened_anew():
    house = House()
    warm = Warm(house.open)
    with pytest.raises(ChatUnavailableError), warm.chat(model("a")):
        raise ChatUnavailableError(address="x", reason="died")
    with warm.chat(model("a")):
        pass
    assert house.opened == ["a", "a"]
    assert house.ended == ["a"]
    warm.close()


def test_one_that_cannot_be_opened_leaves_nothing():
    warm = Warm(House(fails=True).open)
    for _ in range(2):
        with pytest.raises(InvalidError), warm.chat(model("a")):
            pass
    warm.close()
