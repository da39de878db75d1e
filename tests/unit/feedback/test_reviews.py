import threading

import pytest

from support.feedback_room import ANNA, OWNER
from volano.core.errors import InvalidError
from volano.feedback.errors import (
    BadQueueError,
    LeaseLostError,
    NotAllowedError,
    NothingToReviewError,
    NothingToUndoError,
    QueueThereError,
    UnknownItemError,
    UnknownQueueError,
)
from volano.feedback.queue import LEASE_US


def opened(office, calls=4, **more):
    office.metrics.define("kind", type="category", categories=["gut", "坏"], by=ANNA)
    for n in range(1, calls + 1):
        office.call(n, f"вопрос {n}", channel="support", outcome="ok")
    office.call(99, "elsewhere", channel="other")
    office.read()
    more = {"metric": "kind", "channel": "support", "text": "Look twice.", **more}
    return office.reviews.create("q", **more, by=ANNA)


def take(office, reviewer):
    return office.reviews.next("q", reviewer=reviewer, by=ANNA)["item"]


def say(office, reviewer, value, item=None):
    office.clock.advance(1)
    item = item or take(office, reviewer)
    return office.reviews.answer("q", item=item, reviewer=reviewer, value=value, by=ANNA)


def test_two_reviewers_see_every_item_and_each_verdict_is_feedback(offices):
    office = offices
    opened(office, reviewers=2)
    for values in zip(["gut", "gut", "坏", "坏"], ["gut", "gut", "坏", "gut"], strict=True):
        for reviewer, value in zip(("anna", "Ольга"), values, strict=True):
            say(office, reviewer, value)
    assert take(office, "anna") is None
    stands = office.reviews.show("q")
    assert (stands.done, stands.given, stands.wanted) == (4, 8, 8)
    assert stands.kappa.value == pytest.approx(0.5)
    assert stands.alpha.value == pytest.approx(1 - (2 / 8) / (2 * 3 * 5 / (8 * 7)))
    [differ] = stands.differ
    assert differ["answers"] == {"anna": "坏", "Ольга": "gut"}
    said = office.read().list(limit=9)
    assert {(f.source, f.source_name, f.metric) for f in said} == {
        ("person", "anna", "kind@1"), ("person", "Ольга", "kind@1")
    }  # fmt: skip
    last = office.reviews.resolve("q", item=differ["item"], value="坏", by=OWNER)
    assert (last.trace_id, last.category) == (differ["trace_id"], "坏")
    assert office.reviews.show("q").differ[0]["resolved"] == "坏"
    assert len(office.read().list()) == 9
    assert {e.verb for e in office.ledger.list(subject="review/q")} == {
        "create", "answer", "resolve"
    }  # fmt: skip


def test_a_third_reviewer_finds_nothing_while_two_hold_all(office):
    opened(office, calls=1, reviewers=2)
    assert take(office, "a") == take(office, "a") == take(office, "b") == 1
    assert take(office, "c") is None
    office.clock.advance(LEASE_US)
    assert take(office, "c") == 1
    assert take(office, "b") == 1
    with pytest.raises(LeaseLostError):  # both places went to others meanwhile
        say(office, "a", "gut", item=1)
    say(office, "c", "gut", item=1)
    with pytest.raises(LeaseLostError):
        say(office, "c", "坏", item=1)


def test_an_expired_lease_still_answers_while_its_place_is_free(office):
    opened(office, calls=1, reviewers=1)
    take(office, "a")
    office.clock.advance(LEASE_US * 2)
    say(office, "a", "gut", item=1)
    assert office.reviews.show("q").done == 1


def test_undo_takes_the_feedback_back_and_gives_the_item_again(office):
    opened(office, calls=2, reviewers=1)
    with pytest.raises(NothingToUndoError):
        office.reviews.undo("q", reviewer="a", by=ANNA)
    say(office, "a", "gut")
    assert take(office, "a") == 2
    assert office.reviews.undo("q", reviewer="a", by=ANNA)["item"] == 1  # not recorded yet
    assert take(office, "a") == 1
    say(office, "a", "坏", item=1)
    assert [f.category for f in office.read().list()] == ["坏"]
    office.clock.advance(1)
    office.reviews.skip("q", item=take(office, "a"), reviewer="a", by=ANNA)
    assert take(office, "a") is None
    assert office.reviews.undo("q", reviewer="a", by=ANNA)["item"] == 2
    assert office.reviews.show("q").given == 1


def test_a_wrong_verdict_changes_nothing(office):
    opened(office, calls=1)
    item = take(office, "a")
    with pytest.raises(NotAllowedError, match="one of gut"):
        say(office, "a", "so-so", item=item)
    assert office.reviews.show("q").given == 0
    assert office.read().list() == ()
    assert take(office, "a") == item


def test_the_queues_version_of_the_metric_is_pinned(office):
    opened(office, calls=1)
    office.metrics.define("kind", type="boolean", by=ANNA)
    assert say(office, "a", "坏").metric == "kind@1"


def test_many_at_once_never_share_a_place(offices):
    office = offices
    opened(office, calls=6, reviewers=2)
    errors = []

    def work(reviewer):
        try:
            while (
                item := office.reviews.next("q", reviewer=reviewer, by=ANNA)["item"]
            ) is not None:
                office.reviews.answer("q", item=item, reviewer=reviewer, value="gut", by=ANNA)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(f"r{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    stands = office.reviews.show("q")
    assert (stands.done, stands.given) == (6, 12)
    said = office.read().list()
    assert len({(f.trace_id, f.source_name) for f in said}) == len(said) == 12


def test_what_cannot_be_a_queue_is_refused(office, tmp_path):
    stands = opened(office, sample=3)
    assert stands.items == 3
    assert stands.queue.guidelines == "Look twice."
    guide = tmp_path / "guide.md"
    guide.write_text("# Как судить\n")
    more = {"metric": "kind", "by": ANNA}
    made = office.reviews.create("r", where=["channel=other"], guidelines=guide, **more)
    assert (made.items, made.queue.guidelines) == (1, "# Как судить\n")
    assert {q.queue.name for q in office.reviews.list()} == {"q", "r"}
    for error, name, given in (
        (QueueThereError, "q", {}), (BadQueueError, "Q!", {}), (BadQueueError, "s", {"sample": 0}),
        (NothingToReviewError, "s", {"channel": "none"}),
        (BadQueueError, "s", {"where": ["seq=1"]}), (BadQueueError, "s", {"where": ["channel"]}),
    ):  # fmt: skip
        with pytest.raises(error):
            office.reviews.create(name, **given, **more)
    with pytest.raises(UnknownQueueError):
        office.reviews.show("nobody")
    with pytest.raises(UnknownItemError):
        office.reviews.resolve("q", item=77, value="gut", by=ANNA)
    with pytest.raises(InvalidError):
        office.reviews.next("q", reviewer="\x00", by=ANNA)
    office.reviews.close("q", by=ANNA)
    assert take(office, "a") is None
    assert office.reviews.show("q").to_dict()["state"] == "closed"


def test_few_answers_are_no_agreement(office):
    opened(office)
    stands = office.reviews.show("q")
    assert (stands.kappa, stands.alpha, stands.differ) == (None, None, [])
    say(office, "a", "gut")
    say(office, "b", "gut")
    assert office.reviews.show("q").kappa.value is None  # one word alone: chance explains it
