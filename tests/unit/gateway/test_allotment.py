"""Slots of limited subjects: kept while they are limited, told apart when they change hands."""

from volano.access.limit import Limit
from volano.gateway.allotment import Allotment

A, B, C = (Limit(f"channel/{name}", rpm=1) for name in "abc")


def at(found):
    return {subject: (limit.slot, limit.use) for subject, limit in found.items()}


def test_a_subject_keeps_its_slot():
    made = Allotment({}, 10)
    first = made.allot([A, B])
    assert at(first) == {"channel/a": (0, 11), "channel/b": (1, 12)}
    assert at(made.allot([C, B, A])) == {**at(first), "channel/c": (2, 13)}


def test_also_over_a_restart_of_control():
    before = Allotment({}, 10).allot([A, B])
    after = Allotment(before, 200).allot([B, C])
    assert at(after) == {"channel/b": (1, 12), "channel/c": (0, 201)}


def test_a_slot_that_changes_hands_gets_another_use():
    made = Allotment({}, 254)
    assert at(made.allot([A])) == {"channel/a": (0, 255)}
    assert at(made.allot([B])) == {"channel/b": (0, 0)}
    assert at(made.allot([A])) == {"channel/a": (0, 1)}


def test_numbers_are_taken_over_and_an_empty_limit_is_none():
    found = Allotment({}, 0).allot([Limit("group/x", 1, 2, 3), Limit("group/y")])
    assert list(found) == ["group/x"]
    assert (found["group/x"].rpm, found["group/x"].tpm, found["group/x"].concurrency) == (1, 2, 3)
