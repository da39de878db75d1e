"""Keys: shown once, kept as fingerprints, ended at once."""

from dataclasses import replace

import pytest
from sqlalchemy import select, text

from volano.access.errors import (
    BadDurationError,
    BadGroupError,
    BadKeyNameError,
    BadMomentError,
    BadRangeError,
    BadScopeError,
    EndedKeyError,
    ExpiredKeyError,
    ForbiddenAddressError,
    MistypedKeyError,
    NoSuchKeyError,
    NothingToUpdateError,
    PastExpiryError,
    RevokedKeyError,
    TwoExpiriesError,
    UnknownDoorError,
    UnknownKeyError,
)
from volano.access.keeper import Keys
from volano.access.key import fingerprint, new_text, parse
from volano.core.clock import ManualClock
from volano.core.principal import Principal
from volano.store import Database, Ledger

ANNA = Principal("person", "Anna")
DAY = 86_400 * 1_000_000


def test_a_key_that_was_made_is_verified(keys: Keys) -> None:
    key, shown = keys.create(
        "búza – тест", group="team/a", scopes=["chat:x", "read", "read"], by=ANNA
    )
    assert keys.verify(shown) == key
    assert keys.list() == [key]
    assert keys.get(f"vk_{key.id}") == key
    assert (key.name, key.group, key.scopes) == ("búza – тест", "team/a", ("chat:x", "read"))


def test_the_text_is_kept_nowhere(keys: Keys, database: Database) -> None:
    _, shown = keys.create("ci", by=ANNA)
    secret = shown.split("_")[2]
    with database.read() as conn:
        for table in ("keys", "events", "event_contents"):
            for row in conn.execute(text(f"SELECT * FROM {table}")):
                assert secret not in repr(tuple(row))


def test_a_stranger_is_told_from_a_slip(keys: Keys) -> None:
    _, shown = keys.create("ci", by=ANNA)
    with pytest.raises(UnknownKeyError):
        keys.verify(new_text())
    with pytest.raises(MistypedKeyError):
        keys.verify(shown[:-1] + ("a" if shown[-1] != "a" else "b"))


def test_a_slip_needs_no_lookup(clock: ManualClock) -> None:
    nowhere = Database("sqlite:////nonexistent/folder/x.db")
    keys = Keys(nowhere, Ledger(nowhere, clock), b"s" * 32, clock)
    with pytest.raises(MistypedKeyError):
        keys.verify(new_text()[:-1])


def test_another_secret_knows_no_key(
    keys: Keys, database: Database, ledger: Ledger, clock: ManualClock
) -> None:
    _, shown = keys.create("ci", by=ANNA)
    with pytest.raises(UnknownKeyError):
        Keys(database, ledger, b"t" * 32, clock).verify(shown)


def test_a_revoked_key_ends_at_once_and_stays_listed(keys: Keys, clock: ManualClock) -> None:
    key, shown = keys.create("ci", by=ANNA)
    clock.advance(5)
    assert keys.revoke(key.id, by=ANNA).revoked_us == clock.now_us()
    with pytest.raises(RevokedKeyError, match=key.id):
        keys.verify(shown)
    assert [one.id for one in keys.list()] == [key.id]
    assert keys.fingerprints() == {}


def test_revoking_twice_keeps_the_first_moment(
    keys: Keys, ledger: Ledger, clock: ManualClock, published: list[int]
) -> None:
    key, _ = keys.create("ci", by=ANNA)
    first = keys.revoke(key.id, by=ANNA)
    clock.advance(5)
    assert keys.revoke(key.id, by=ANNA) == first
    assert ledger.root()[0] == 2
    assert len(published) == 2


def test_a_key_expires(keys: Keys, clock: ManualClock) -> None:
    key, shown = keys.create("ci", expires_us=clock.now_us() + 10_000_000, by=ANNA)
    assert keys.verify(shown) == key
    clock.advance(10)
    with pytest.raises(ExpiredKeyError, match=key.id):
        keys.verify(shown)
    assert keys.fingerprints() == {}
    with pytest.raises(PastExpiryError):
        keys.create("ci", expires_us=clock.now_us(), by=ANNA)


def test_the_snapshot_gets_live_keys_by_fingerprint(keys: Keys) -> None:
    key, shown = keys.create("ci", by=ANNA)
    assert keys.fingerprints() == {fingerprint(keys.secret, shown): key}


def test_changes_are_published_and_written_down(
    keys: Keys, ledger: Ledger, published: list[int]
) -> None:
    key, _ = keys.create("ci", by=ANNA)
    keys.revoke(key.id, by=ANNA)
    assert published == [1, 2]
    assert [(e.verb, e.principal) for e in ledger.list(subject=f"key/{key.id}")] == [
        ("revoke", "person:Anna"), ("create", "person:Anna"),
    ]  # fmt: skip
    assert ledger.verify()


def test_two_keys_may_bear_one_name(keys: Keys) -> None:
    """So that a key can be replaced without a gap."""
    first, _ = keys.create("ci", by=ANNA)
    second, _ = keys.create("ci", by=ANNA)
    assert first.id != second.id


def test_an_unknown_id_is_told_without_echoing_a_whole_key(keys: Keys) -> None:
    shown = new_text()
    with pytest.raises(NoSuchKeyError) as caught:
        keys.revoke(shown, by=ANNA)
    assert shown[3:] not in caught.value.message


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 101, "\x00"])
def test_bad_names(keys: Keys, name: str) -> None:
    with pytest.raises(BadKeyNameError):
        keys.create(name, by=ANNA)


def test_bad_input_makes_no_key(keys: Keys, database: Database, published: list[int]) -> None:
    with pytest.raises(BadScopeError):
        keys.create("ci", scopes=["admin"], by=ANNA)
    with pytest.raises(BadGroupError, match="`/a//b` cannot be the group of a key"):
        keys.create("ci", group="/a//b", by=ANNA)
    assert keys.list() == []
    assert published == []
    with database.read() as conn:
        assert conn.execute(select(text("1")).select_from(text("events"))).all() == []


def test_an_expiry_may_be_a_duration_or_a_date(keys: Keys, clock: ManualClock) -> None:
    soon, _ = keys.create("ci", expires="30d", by=ANNA)
    assert soon.expires_us == clock.now_us() + 30 * DAY
    dated, _ = keys.create("ci", expires="2027-01-01", by=ANNA)
    assert dated.expires_us == 1_798_761_600_000_000
    forever, _ = keys.create("ci", expires="never", by=ANNA)
    assert forever.expires_us is None
    with pytest.raises(PastExpiryError):
        keys.create("ci", expires="2001-01-01", by=ANNA)
    with pytest.raises(TwoExpiriesError):
        keys.create("ci", expires="1d", expires_us=1, by=ANNA)


def test_a_key_of_some_addresses_is_refused_elsewhere(keys: Keys) -> None:
    key, shown = keys.create("ci", ips=["10.0.0.0/8", "::1"], by=ANNA)
    assert key.ips == ("10.0.0.0/8", "::1/128")
    assert keys.verify(shown, "10.2.3.4") == keys.verify(shown, "::1") == key
    for elsewhere in ("192.0.2.1", ""):
        with pytest.raises(ForbiddenAddressError, match=key.id):
            keys.verify(shown, elsewhere)


def test_a_rotated_key_has_two_texts_for_a_while_and_one_id(keys: Keys, clock: ManualClock) -> None:
    made, old = keys.create("ci", group="team/a", scopes=["chat:x"], by=ANNA)
    clock.advance(5)
    key, new = keys.rotate(made.id, overlap="7d", by=ANNA)
    assert new != old
    assert parse(new) == made.id
    assert (key.name, key.group, key.scopes) == (made.name, made.group, made.scopes)
    assert keys.get(made.id) == key == keys.verify(old) == keys.verify(new)
    marks = keys.fingerprints()
    assert marks[fingerprint(keys.secret, new)].expires_us is None
    assert marks[fingerprint(keys.secret, old)].expires_us == clock.now_us() + 7 * DAY
    assert {one.id for one in marks.values()} == {made.id}
    clock.advance(7 * 86_400)
    with pytest.raises(ExpiredKeyError):
        keys.verify(old)
    assert keys.verify(new).id == made.id
    assert list(keys.fingerprints()) == [fingerprint(keys.secret, new)]


def test_the_former_text_ends_with_the_key(keys: Keys, clock: ManualClock) -> None:
    key, old = keys.create("ci", expires="1d", by=ANNA)
    keys.rotate(key.id, overlap="7d", by=ANNA)
    assert keys.fingerprints()[fingerprint(keys.secret, old)].expires_us == key.expires_us
    keys.revoke(key.id, by=ANNA)
    with pytest.raises(RevokedKeyError):
        keys.verify(old)
    assert keys.fingerprints() == {}


def test_rotating_again_ends_the_oldest_text(keys: Keys) -> None:
    key, first = keys.create("ci", by=ANNA)
    _, second = keys.rotate(key.id, by=ANNA)
    _, third = keys.rotate(key.id, by=ANNA)
    with pytest.raises(UnknownKeyError):
        keys.verify(first)
    assert keys.verify(second).id == keys.verify(third).id == key.id


def test_without_overlap_the_old_text_ends_at_once(keys: Keys) -> None:
    key, old = keys.create("ci", by=ANNA)
    _, new = keys.rotate(key.id, overlap="0", by=ANNA)
    with pytest.raises(ExpiredKeyError):
        keys.verify(old)
    assert list(keys.fingerprints()) == [fingerprint(keys.secret, new)]


def test_a_key_that_ended_is_not_rotated(keys: Keys, clock: ManualClock) -> None:
    gone, _ = keys.create("ci", by=ANNA)
    keys.revoke(gone.id, by=ANNA)
    late, _ = keys.create("ci", expires="1s", by=ANNA)
    clock.advance(1)
    for key in (gone, late):
        with pytest.raises(EndedKeyError, match="rotated"):
            keys.rotate(key.id, by=ANNA)
    with pytest.raises(BadDurationError):
        keys.rotate(gone.id, overlap="soon", by=ANNA)


def test_what_a_key_may_do_is_changed_piece_by_piece(
    keys: Keys, clock: ManualClock, ledger: Ledger, published: list[int]
) -> None:
    key, shown = keys.create("ci", group="team/a", scopes=["chat:x"], by=ANNA)
    changed = keys.update(key.id, scopes=["chat:y", "door:openai.*"], ips=["::1"], by=ANNA)
    assert changed == replace(key, scopes=("chat:y", "door:openai.*"), ips=("::1/128",))
    changed = keys.update(key.id, name="build", group="", ips=["any"], expires="1d", by=ANNA)
    assert (changed.name, changed.group, changed.ips) == ("build", "", ())
    assert changed.scopes == ("chat:y", "door:openai.*")
    assert keys.verify(shown) == changed
    assert keys.update(key.id, expires="never", by=ANNA).expires_us is None
    events = ledger.list(subject=f"key/{key.id}")
    assert [e.verb for e in events] == ["update"] * 3 + ["create"]
    assert events[0].content == {"expires_us": None}
    assert len(published) == 4


def test_an_expired_key_can_live_again_but_a_revoked_one_cannot(
    keys: Keys, clock: ManualClock
) -> None:
    key, shown = keys.create("ci", expires="1s", by=ANNA)
    clock.advance(2)
    keys.update(key.id, expires="30d", by=ANNA)
    assert keys.verify(shown).id == key.id
    keys.revoke(key.id, by=ANNA)
    with pytest.raises(EndedKeyError):
        keys.update(key.id, expires="60d", by=ANNA)


def test_a_door_that_is_not_there_is_no_scope(
    database: Database, ledger: Ledger, clock: ManualClock
) -> None:
    keys = Keys(database, ledger, b"s" * 32, clock, doors=["openai.chat", "anthropic.messages"])
    for scope in ("door:nope", "door:nope.*", "door:openai", "door:openai.chatter*"):
        with pytest.raises(UnknownDoorError) as told:
            keys.create("ci", scopes=["chat:*", scope], by=ANNA)
        assert "openai.chat, anthropic.messages" in told.value.advice
    key, _ = keys.create("ci", scopes=["door:openai.*", "door:*", "door:openai.chat"], by=ANNA)
    with pytest.raises(UnknownDoorError):
        keys.update(key.id, scopes=["door:nope"], by=ANNA)


def test_an_update_of_nothing_or_with_nonsense_changes_nothing(
    keys: Keys, published: list[int]
) -> None:
    key, _ = keys.create("ci", by=ANNA)
    with pytest.raises(NothingToUpdateError):
        keys.update(key.id, by=ANNA)
    for wrong, error in (
        ({"scopes": ["root"]}, BadScopeError), ({"ips": ["x"]}, BadRangeError),
        ({"expires": "soon"}, BadMomentError), ({"group": "a b"}, BadGroupError),
        ({"name": ""}, BadKeyNameError),
    ):  # fmt: skip
        with pytest.raises(error):
            keys.update(key.id, **wrong, by=ANNA)
    with pytest.raises(NoSuchKeyError):
        keys.update("zzzzzzzz", name="x", by=ANNA)
    assert keys.get(key.id) == key
    assert len(published) == 1
