import resource
from pathlib import Path

import pytest

from volano.evals.errors import (
    CorruptJournalError,
    JournalBusyError,
    JournalMismatchError,
    JournalWriteError,
)
from volano.evals.journal import Journal

ABOUT = {"dataset": "d", "split": "test"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "answers.journal"


def written(path, *answers):
    with Journal(path, ABOUT) as journal:
        journal.append(answers)
    return path.read_bytes()


def done(path):
    with Journal(path, ABOUT) as journal:
        return journal.done


def test_what_was_appended_is_there_again(path):
    written(path, {"id": "a", "answer": "é\n订\ud800"}, {"id": "b"})
    written(path, {"id": "c"})
    assert done(path) == [{"id": "a", "answer": "é\n订\ud800"}, {"id": "b"}, {"id": "c"}]


def test_killed_at_any_byte_the_whole_lines_survive_and_writing_goes_on(path):
    data = written(path, {"id": "a"}, {"id": "b"})
    ends = [n + 1 for n, byte in enumerate(data) if byte == 10]
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        whole = [answer for end, answer in zip(ends[1:], "ab", strict=True) if end <= cut]
        assert [one["id"] for one in done(path)] == whole
        written(path, {"id": "z"})
        assert [one["id"] for one in done(path)] == [*whole, "z"]


def test_a_last_line_of_zeros_is_what_a_power_cut_leaves(path):
    data = written(path, {"id": "a"}, {"id": "b"})
    path.write_bytes(data[:-12] + b"\0" * 11 + b"\n")
    assert [one["id"] for one in done(path)] == ["a"]


def test_damage_before_the_end_is_named(path):
    data = bytearray(written(path, {"id": "a"}, {"id": "b"}))
    data[data.index(b'"a"') + 1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptJournalError, match="Line 2"):
        done(path)


def test_a_journal_serves_one_evaluation(path):
    written(path, {"id": "a"})
    with pytest.raises(JournalMismatchError, match="split differs"):
        Journal(path, {**ABOUT, "split": "train"})
    assert [one["id"] for one in done(path)] == ["a"]


def test_two_writers_are_one_too_many(path):
    with Journal(path, ABOUT), pytest.raises(JournalBusyError):
        Journal(path, ABOUT)
    assert done(path) == []


def test_a_full_disk_is_said_and_what_was_written_before_stays(path):
    written(path, {"id": "a"})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 5, hard))
    try:
        with Journal(path, ABOUT) as journal, pytest.raises(JournalWriteError, match="too large"):
            journal.append([{"id": "b" * 100}])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [one["id"] for one in done(path)] == ["a"]


@pytest.mark.parametrize("odd", ["/dev/zero", "/proc/version/x"])
def test_places_that_cannot_hold_a_journal(odd):
    with pytest.raises(JournalWriteError):
        Journal(Path(odd), ABOUT)
