"""The wish for engines: a small file that either side may find missing, old or torn."""

import json

import pytest

from volano.serving import EngineSpec
from volano.serving.wanted import Wanted


def spec(name="a", **more):
    return EngineSpec(name, f"/w/{name}.gguf", f"{name}@1", f"unix:/run/{name}.sock", **more)


@pytest.fixture
def sides(tmp_path):
    """Control's side and the supervisor's."""
    return Wanted(tmp_path / "engines.json"), Wanted(tmp_path / "engines.json")


def test_nothing_was_ever_wished(sides):
    assert sides[1].changed() is None


def test_a_wish_is_seen_once(sides):
    control, supervisor = sides
    control.write([spec("b", threads=2), spec("a")])
    assert supervisor.changed() == [spec("a"), spec("b", threads=2)]
    assert supervisor.changed() is None
    control.write([])
    assert supervisor.changed() == []


def test_the_same_wish_is_not_written_again(sides):
    control, supervisor = sides
    control.write([spec("a"), spec("b")])
    supervisor.changed()
    control.write([spec("b"), spec("a"), spec("a")])
    assert supervisor.changed() is None


def test_a_supervisor_that_comes_back_sees_it_again(sides):
    control, _ = sides
    control.write([spec()])
    assert Wanted(control.path).changed() == [spec()]


def test_a_control_that_comes_back_agrees(sides):
    control, supervisor = sides
    control.write([spec()])
    supervisor.changed()
    Wanted(control.path).write([spec()])
    assert supervisor.changed() is None


@pytest.mark.parametrize(
    "text", ["", "[", "null", "3", "[3]", '[{"name": "a"}]', '[{"colour": "red"}]', "\ufffd"]
)
def test_a_file_that_is_no_wish_changes_nothing(sides, text):
    """After a power cut it may be empty; after an upgrade it may say other things."""
    control, supervisor = sides
    control.path.write_text(text)
    assert supervisor.changed() is None
    control.write([spec()])
    assert supervisor.changed() == [spec()]


def test_bytes_that_are_no_text(sides):
    control, supervisor = sides
    control.path.write_bytes(b"\xff\xfe[]")
    assert supervisor.changed() is None
    control.write([spec()])
    assert supervisor.changed() == [spec()]


def test_a_half_written_wish_is_never_seen(sides):
    control, supervisor = sides
    control.write([spec()])
    control.path.with_suffix(".partial").write_text('[{"name"')
    assert supervisor.changed() == [spec()]
    assert json.loads(control.path.read_text())[0]["name"] == "a"
