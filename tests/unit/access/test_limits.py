"""Limits: set piece by piece, cleared, listed; on keys, groups and channels."""

import pytest

from volano.access import limits as room
from volano.access.errors import (
    BadLimitError,
    BadSubjectError,
    EmptyLimitError,
    NoSuchKeyError,
    NoSuchLimitError,
    TooManyLimitsError,
    UnknownMeasureError,
)
from volano.access.limit import check_subject, subjects_of
from volano.access.limits import Limits
from volano.core.principal import Principal
from volano.gateway.tally import SLOTS

ANNA = Principal("person", "Anna")


@pytest.fixture
def limits(database, ledger, clock, published):
    return Limits(database, ledger, clock, lambda: published.append(1) or len(published))


def test_a_limit_is_kept_and_listed(limits, clock):
    made = limits.set("group/acme/support", rpm=60, tpm=9000, concurrency=4, by=ANNA)
    assert limits.list() == [made]
    assert (made.rpm, made.tpm, made.concurrency) == (60, 9000, 4)
    assert (made.updated_us, made.updated_by) == (clock.now_us(), "person:Anna")
    assert made.says == "60 requests/min, 9,000 tokens/min, 4 calls at once"


def test_what_is_not_given_stays(limits):
    limits.set("channel/support", rpm=60, by=ANNA)
    assert limits.set("channel/support", tpm=1, by=ANNA).says == "60 requests/min, 1 tokens/min"
    assert limits.set("channel/support", rpm=5, by=ANNA).rpm == 5
    assert len(limits.list()) == 1


def test_measures_are_taken_away_one_by_one_or_all(limits):
    limits.set("channel/a", rpm=60, tpm=7, by=ANNA)
    limits.set("channel/b", rpm=60, by=ANNA)
    assert limits.clear("channel/a", measures=["rpm"], by=ANNA).says == "7 tokens/min"
    assert limits.clear("channel/a", measures=["tpm"], by=ANNA).says == "no limit"
    limits.clear("channel/b", by=ANNA)
    assert limits.list() == []


def test_what_is_not_there_cannot_be_taken_away(limits):
    with pytest.raises(NoSuchLimitError, match="channel/a has no limit"):
        limits.clear("channel/a", by=ANNA)
    limits.set("channel/a", rpm=60, by=ANNA)
    with pytest.raises(NoSuchLimitError, match="of tpm"):
        limits.clear("channel/a", measures=["tpm"], by=ANNA)
    with pytest.raises(UnknownMeasureError):
        limits.clear("channel/a", measures=["rps"], by=ANNA)


def test_a_keys_limit_wants_a_key(limits, keys):
    key, _ = keys.create("ci", by=ANNA)
    assert limits.set(f"key/vk_{key.id}", rpm=1, by=ANNA).subject == f"key/{key.id}"
    with pytest.raises(NoSuchKeyError):
        limits.set("key/zzzzzzzz", rpm=1, by=ANNA)


@pytest.mark.parametrize("value", [0, -1, 1_000_000_001])
def test_impossible_numbers(limits, value):
    with pytest.raises(BadLimitError):
        limits.set("channel/a", tpm=value, by=ANNA)


def test_a_limit_of_nothing_is_a_slip(limits):
    with pytest.raises(EmptyLimitError):
        limits.set("channel/a", by=ANNA)


@pytest.mark.parametrize("text", ["", "acme", "user/x", "group/", "group/a b", "key", "group/a//b"])
def test_subjects_there_are_not(text):
    with pytest.raises(BadSubjectError):
        check_subject(text)


def test_there_are_as_many_as_the_counters_hold(limits, monkeypatch):
    assert room.MOST_SUBJECTS == SLOTS
    monkeypatch.setattr(room, "MOST_SUBJECTS", 2)
    for name in ("a", "b"):
        limits.set(f"channel/{name}", rpm=1, by=ANNA)
    limits.set("channel/a", rpm=2, by=ANNA)
    with pytest.raises(TooManyLimitsError):
        limits.set("channel/c", rpm=1, by=ANNA)


def test_changes_are_published_and_written_down(limits, ledger, published):
    limits.set("group/acme", rpm=60, by=ANNA)
    limits.clear("group/acme", by=ANNA)
    assert len(published) == 2
    assert [e.verb for e in ledger.list(subject="group/acme")] == ["unlimit", "limit"]
    assert ledger.verify()


def test_a_call_counts_for_its_key_all_its_groups_and_its_channel():
    assert subjects_of("abc", "acme/support/web", "chat/eu") == [
        "key/abc", "group/acme/support/web", "group/acme/support", "group/acme", "channel/chat/eu",
    ]  # fmt: skip
    assert subjects_of("abc", "", "c") == ["key/abc", "channel/c"]
