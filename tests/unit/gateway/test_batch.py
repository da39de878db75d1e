"""Frames of one turn: one write, then the answers; each call hears only of its own frame."""

import logging

import pytest

from volano.gateway.batch import MAX_BATCH_BYTES, Batch


class Loop:
    def __init__(self):
        self.soon = []

    def call_soon(self, callback):
        self.soon.append(callback)

    def turn(self):
        soon, self.soon = self.soon, []
        for callback in soon:
            callback()


class Disk:
    """Keeps payloads; has room for so many bytes."""

    def __init__(self, room=10**9):
        self.room, self.notes = room, []

    def keep(self, kind, payload):
        if len(payload) > self.room:
            return False
        self.room -= len(payload)
        self.notes.append((kind, [payload]))
        return True

    def keep_all(self, kind, payloads):
        if sum(map(len, payloads)) > self.room:
            return False
        self.room -= sum(map(len, payloads))
        self.notes.append((kind, list(payloads)))
        return True


def gathered(disk, *payloads):
    loop = Loop()
    batch = Batch(disk, 1, loop)
    for payload in payloads:
        batch.add(payload, lambda kept, p=payload: disk.notes.append((p, kept)))
    return loop, batch


def test_all_frames_are_kept_by_one_write_before_any_answer_is_sent():
    disk = Disk()
    loop, _ = gathered(disk, b"a", b"b", b"c")
    assert disk.notes == []
    loop.turn()
    assert disk.notes == [(1, [b"a", b"b", b"c"]), (b"a", True), (b"b", True), (b"c", True)]
    assert loop.soon == []


def test_each_turn_is_a_batch_of_its_own():
    disk = Disk()
    loop, batch = gathered(disk, b"a")
    batch.add(b"b", lambda kept: batch.add(b"c", lambda kept: None))
    loop.turn()
    loop.turn()
    loop.turn()
    assert [note for note in disk.notes if note[0] == 1] == [(1, [b"a", b"b"]), (1, [b"c"])]


def test_when_not_all_can_be_kept_each_is_tried_and_told_its_own():
    disk = Disk(room=4)
    loop, _ = gathered(disk, b"aa", b"bbb", b"cc")
    loop.turn()
    assert disk.notes == [
        (1, [b"aa"]), (1, [b"cc"]), (b"aa", True), (b"bbb", False), (b"cc", True),
    ]  # fmt: skip


def test_an_answer_that_fails_stops_no_other(caplog):
    disk = Disk()
    loop = Loop()
    batch = Batch(disk, 1, loop)

    def fail(kept):
        raise ValueError(kept)

    batch.add(b"a", fail)
    batch.add(b"b", lambda kept: disk.notes.append(("b", kept)))
    with caplog.at_level(logging.ERROR):
        loop.turn()
    assert disk.notes[-1] == ("b", True)
    assert "an answer could not be sent" in caplog.text


@pytest.mark.parametrize("count", [1, 3])
def test_large_frames_do_not_wait(count):
    disk = Disk()
    payloads = [b"x" * (MAX_BATCH_BYTES // count + 1)] * count
    loop, _ = gathered(disk, *payloads)
    assert [note for note in disk.notes if note[0] == 1] == [(1, payloads)] or count == 1
    assert len(disk.notes) == count + 1
    loop.turn()
    assert len(disk.notes) == count + 1
