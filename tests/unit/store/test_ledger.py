"""The ledger: every change is found, content can go, the proof stays."""

from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from volano.core.canon import NotCanonicalError
from volano.core.clock import ManualClock, SystemClock
from volano.core.digest import Digest
from volano.core.principal import Principal
from volano.store import Database, Ledger
from volano.store.errors import EraseRefusedError, UnknownEventError
from volano.store.ledger import Proof
from volano.store.tables import contents, events

ANNA = Principal("person", "Anna Szőke", roles=frozenset({"owner"}))
D = Digest.of(b"x")


@pytest.fixture
def five(ledger: Ledger) -> Ledger:
    for number in range(5):
        ledger.append("label", f"prompt/faq:{number}", [D], {"who": "Jürgen", "n": number}, by=ANNA)
    return ledger


def test_an_event_reads_back_as_it_was_written(ledger: Ledger, clock: ManualClock) -> None:
    event = ledger.append("record", "dataset/заявки@1", [D], {"why": "первый"}, by=ANNA)
    assert ledger.list() == [event]
    assert (event.seq, event.at_us, event.principal) == (1, clock.now_us(), "person:Anna Szőke")
    assert (event.content, event.erased) == ({"why": "первый"}, False)


def test_lists_newest_first_or_from_a_place_on(five: Ledger) -> None:
    assert [event.seq for event in five.list(limit=2)] == [5, 4]
    assert [event.seq for event in five.list(after=2)] == [3, 4, 5]
    assert [event.seq for event in five.list(subject="prompt/faq:3")] == [4]


def test_every_event_is_proved_without_the_database(five: Ledger) -> None:
    size, root = five.root()
    for seq in range(1, 6):
        proof = five.prove(seq)
        assert proof.holds()
        assert (proof.size, proof.root) == (size, root)
    other = Proof(2, proof.size, proof.leaf, proof.path, proof.root)
    assert not other.holds()


@pytest.mark.parametrize("seq", [0, 6, -1])
def test_no_proof_of_what_is_not_there(five: Ledger, seq: int) -> None:
    with pytest.raises(UnknownEventError):
        five.prove(seq)


def test_an_untouched_ledger_verifies(five: Ledger) -> None:
    check = five.verify()
    assert check
    assert (check.size, check.root) == five.root()


def test_the_empty_ledger_verifies(ledger: Ledger) -> None:
    assert ledger.verify(known=ledger.root())


@pytest.mark.parametrize(
    "change",
    [
        {"principal": "person:Boris"}, {"verb": "unlabel"}, {"subject": "prompt/other:3"},
        {"at_us": 1}, {"digests": "[]"}, {"digests": "not json"}, {"commitment": "0" * 64},
        {"leaf": "0" * 64}, {"id": "another"},
    ],
)  # fmt: skip
def test_a_changed_row_is_named(five: Ledger, database: Database, change: dict) -> None:
    with database.write() as conn:
        conn.execute(update(events).where(events.c.seq == 4).values(change))
    assert {seq for seq, _ in five.verify().problems} == {4}


def test_changed_content_is_named(five: Ledger, database: Database) -> None:
    with database.write() as conn:
        third = conn.scalar(select(events.c.id).where(events.c.seq == 3))
        conn.execute(update(contents).where(contents.c.event_id == third).values(content=b"{}"))
    assert [seq for seq, _ in five.verify().problems] == [3]


def test_content_that_vanished_without_an_erasure_is_named(
    five: Ledger, database: Database
) -> None:
    with database.write() as conn:
        third = conn.scalar(select(events.c.id).where(events.c.seq == 3))
        conn.execute(delete(contents).where(contents.c.event_id == third))
    ((seq, what),) = five.verify().problems
    assert seq == 3
    assert "no erasure" in what


def test_a_missing_row_is_named_once(five: Ledger, database: Database) -> None:
    with database.write() as conn:
        conn.execute(delete(events).where(events.c.seq == 2))
    ((seq, what),) = five.verify().problems
    assert seq == 3
    assert "where event 2 should be" in what


def test_a_cut_tail_is_found_by_a_root_that_was_noted(five: Ledger, database: Database) -> None:
    noted = five.root()
    with database.write() as conn:
        conn.execute(delete(events).where(events.c.seq == 5))
    assert five.verify()
    assert [seq for seq, _ in five.verify(known=noted).problems] == [5]


def test_a_history_written_anew_is_found_by_a_root_that_was_noted(
    five: Ledger, database: Database, clock: ManualClock
) -> None:
    noted = five.root()
    five.append("label", "later", [], {}, by=ANNA)
    assert five.verify(known=noted)
    with database.write() as conn:
        conn.execute(delete(events))
        conn.execute(delete(contents))
    for number in range(6):
        five.append("label", f"forged:{number}", [], {}, by=ANNA)
    assert five.verify()
    assert not five.verify(known=noted)


def test_the_root_of_an_earlier_size_can_be_asked_for(five: Ledger) -> None:
    noted = five.root()
    five.append("label", "later", [], {}, by=ANNA)
    assert five.root(5) == noted
    assert five.root() != noted


def test_erased_content_is_gone_and_the_proof_holds(five: Ledger, database: Database) -> None:
    before, third = five.root(), five.list(after=2, limit=1)[0]
    tombstone = five.erase(third.id, by=ANNA, why="art. 17 GDPR")
    assert five.list(after=2, limit=1)[0].erased
    assert (tombstone.verb, tombstone.subject) == ("erase", third.id)
    check = five.verify(known=before)
    assert check
    assert check.erased == (3,)
    assert five.prove(3).holds()
    with database.read() as conn:
        assert conn.scalar(select(contents.c.salt).where(contents.c.event_id == third.id)) is None


def test_erased_bytes_are_not_left_in_the_file(sqlite: Database, clock: ManualClock) -> None:
    ledger = Ledger(sqlite, clock)
    event = ledger.append("note", "x", [], {"secret": "Rumpelstilzchen"}, by=ANNA)
    ledger.erase(event.id, by=ANNA, why="asked")
    path = sqlite.url.database or ""
    left = b""
    for name in (path, f"{path}-wal"):
        with Path(name).open("rb") as file:
            left += file.read()
    assert b"Rumpelstilzchen" not in left


def test_what_cannot_be_erased(five: Ledger) -> None:
    third = five.list(after=2, limit=1)[0]
    tombstone = five.erase(third.id, by=ANNA, why="asked")
    with pytest.raises(EraseRefusedError, match="already"):
        five.erase(third.id, by=ANNA, why="again")
    with pytest.raises(EraseRefusedError, match="tells of an erasure"):
        five.erase(tombstone.id, by=ANNA, why="hide it")
    with pytest.raises(UnknownEventError):
        five.erase("nothing", by=ANNA, why="asked")
    assert five.root()[0] == 6


def test_content_must_be_plain_json(ledger: Ledger) -> None:
    with pytest.raises(NotCanonicalError):
        ledger.append("note", "x", [], {"bad": {1, 2}}, by=ANNA)
    assert ledger.list() == []


def test_an_event_is_part_of_the_transaction_it_is_given(
    ledger: Ledger, database: Database
) -> None:
    with pytest.raises(RuntimeError), database.write() as conn:
        ledger.append("note", "x", [], {}, by=ANNA, conn=conn)
        raise RuntimeError
    assert ledger.root()[0] == 0


def test_no_two_events_share_a_seq(five: Ledger, database: Database) -> None:
    with database.read() as conn:
        row = dict(conn.execute(select(events).where(events.c.seq == 1)).one()._mapping)
    with pytest.raises(IntegrityError), database.write() as conn:
        conn.execute(insert(events).values({**row, "id": "other"}))


def test_two_writers_leave_no_gap_and_no_twin(database: Database) -> None:
    """Each writer has its own engine, as two processes have."""

    def write(mine: Database) -> None:
        ledger = Ledger(mine, SystemClock())
        for number in range(15):
            ledger.append("note", f"x{number}", [], {"n": number}, by=ANNA)

    own = [Database(database.url), Database(database.url)]
    threads = [Thread(target=write, args=(mine,)) for mine in own]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for mine in own:
        mine.close()
    with database.read() as conn:
        seqs = conn.scalars(text("SELECT seq FROM events ORDER BY seq")).all()
    assert seqs == list(range(1, 31))
    assert Ledger(database, SystemClock()).verify()
