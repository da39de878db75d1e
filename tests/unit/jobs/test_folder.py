import os

import pytest

from volano.jobs.errors import NotPlainError, StepValueTooLargeError
from volano.jobs.folder import ChildFolder, two_lines
from volano.jobs.plain import plain, read_object, write_object


@pytest.fixture
def folder(tmp_path):
    folder = ChildFolder(tmp_path)
    write_object(folder.spec_path, {"to": 1})
    return folder


def test_the_lock_tells_who_lives(folder):
    assert not folder.alive()
    held = folder.take_lock()
    assert folder.alive()
    assert folder.take_lock() is None
    os.close(held)
    assert not folder.alive()


def test_a_result_counts_for_its_own_spec_only(folder):
    folder.write_done({"é": 1})
    assert folder.outputs() == {"é": 1}
    write_object(folder.spec_path, {"to": 2})
    assert folder.outputs() is None


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff\xfe", b'{"outputs": 1}'])
def test_a_damaged_result_is_none(folder, data):
    folder.done_path.write_bytes(data)
    folder.failed_path.write_bytes(data[:3])
    assert folder.outputs() is None
    assert folder.failure() is None


def test_objects_are_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "x.json"
    write_object(path, {"a": 1})
    with pytest.raises(NotPlainError):
        write_object(path, {"a": float("nan")})
    assert read_object(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_plain_values_read_as_a_replay_reads_them():
    assert plain({"b": (1, 2), "a": None}) == {"a": None, "b": [1, 2]}
    with pytest.raises(StepValueTooLargeError):
        plain("ж" * 600_000)
    with pytest.raises(NotPlainError):
        plain("\ud800")


def test_errors_have_two_lines_also_when_they_are_odd(tmp_path):
    assert two_lines(KeyError())["message"] == "KeyError"
    assert "\n" not in two_lines(ValueError("a\nb\ud800"))["message"]
    assert len(two_lines(ValueError("x" * 10_000))["message"]) == 500
