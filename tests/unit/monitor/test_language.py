"""Languages of questions: by what is installed, else by script."""

import pytest

from volano.data.errors import MissingExtraError
from volano.monitor.language import Languages


def test_languages_are_told_where_they_can_be():
    pytest.importorskip("py3langid")
    tell = Languages()
    assert tell("Hol van a csomagom? Már egy hete várok rá.") == "hu"
    assert tell("我要退款，谢谢") == "zh"
    assert tell("Where is my parcel? It should have come on Monday.") == "en"
    assert (tell("ok"), tell("да"), tell("42")) == ("latin", "cyrillic", "none"), (
        "too short to tell"
    )


def test_without_the_package_it_is_the_script():
    asked = []

    def missing():
        asked.append(1)
        raise MissingExtraError(what="Telling languages", package="py3langid", extra="data")

    tell = Languages(missing)
    assert tell("Hol van a csomagom? Már egy hete várok rá.") == "latin"
    assert tell("Где моя посылка? Жду уже неделю.") == "cyrillic"
    assert asked == [1], "asked once"


def test_a_question_is_read_once():
    asked = []
    tell = Languages(lambda: lambda text: asked.append(text) or "hu")
    assert [tell("x" * 700), tell("x" * 700), tell("y")] == ["hu", "hu", "hu"]
    assert asked == ["x" * 700, "y"]
    assert {len(kept) for kept in tell._told} == {12}, "digests, no words"
