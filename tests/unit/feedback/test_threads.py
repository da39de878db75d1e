import pytest

from support.feedback_room import ANNA, JUDGE, OWNER
from volano.core.errors import InvalidError
from volano.feedback import Feedbacks
from volano.feedback.errors import (
    BadBatchError,
    BadSubjectError,
    NotYoursError,
    UnknownFeedbackError,
    WithdrawnError,
)
from volano.feedback.subject import subject
from volano.feedback.tables import prepare
from volano.traces import HotStore

TRACE = "ab" * 16
SPAN = f"span:{TRACE}/{'c' * 16}"


def test_an_edit_supersedes_and_nothing_is_lost(office):
    first = office.give(TRACE, value=0, comment="falsch", source="judge", source_name="j1")
    office.read()
    second = office.feedbacks.edit(first.id, value=1, by=ANNA)
    office.read()
    third = office.feedbacks.edit(first.id, comment="doch richtig", by=OWNER)
    feedbacks = office.read()
    [holds] = feedbacks.list()
    assert (holds.id, holds.value, holds.comment) == (third.id, 1.0, "doch richtig")
    assert (holds.source, holds.source_name, holds.by) == ("judge", "j1", "person:olga")
    thread = feedbacks.history(second.id)
    assert [f.id for f in thread] == [first.id, second.id, third.id]
    assert [f.current for f in thread] == [False, False, True]
    assert [f.id for f in feedbacks.since(0)] == [f.id for f in thread]  # evidence stands


def test_what_is_taken_back_counts_no_more_and_stays_written(office):
    first = office.give(TRACE, value=0, correction="x")
    office.call(0xAB, "?")
    office.read()
    with pytest.raises(NotYoursError):
        office.feedbacks.retract(first.id, by=JUDGE)
    office.feedbacks.retract(first.id, by=ANNA)
    feedbacks = office.read()
    assert feedbacks.list() == feedbacks.corrections() == ()
    assert [f.retracted for f in feedbacks.list(history=True)] == [True, False]
    with pytest.raises(WithdrawnError):
        feedbacks.edit(first.id, value=1, by=ANNA)
    with pytest.raises(UnknownFeedbackError):
        feedbacks.retract("0198c0de-0000-7000-8000-000000000001", by=ANNA)


def test_two_who_change_the_same_at_once_end_in_one_thread(office):
    first = office.give(TRACE, value=0)
    office.read()
    office.feedbacks.edit(first.id, value=0.5, by=ANNA)
    last = office.feedbacks.edit(first.id, value=1, by=OWNER)  # both saw the first alone
    assert [f.id for f in office.read().list()] == [last.id]


def test_a_retry_counts_once_for_each_who_says_it(office):
    for by in (ANNA, ANNA, JUDGE):
        office.give("order:4711", value=1, idempotency_key="заказ 4711/ok", by=by)
    assert sorted(f.by for f in office.read().list()) == ["person:anna", "service:key/judge"]


@pytest.mark.parametrize(
    ("text", "level", "id_"),
    [
        (TRACE, "trace", TRACE), (f"trace:{TRACE}", "trace", TRACE), (SPAN, "span", "c" * 16),
        ("session:chat 77", "session", "chat 77"), ("user:Ольга", "user", "Ольга"),
        ("order:A/1:2", "key", "order:A/1:2"),
    ],
)  # fmt: skip
def test_subjects_are_read_and_written_alike(office, text, level, id_):
    said = office.give(text, value=1, confidence=0.5)
    assert (said.level, said.subject) == (level, id_)
    [found] = office.read().list(on=text)
    assert str(subject(found.about)) == str(subject(text))
    assert found.confidence == 0.5


@pytest.mark.parametrize(
    "text",
    ["", "order", "order:", ":1", "trace:xyz", f"span:{TRACE}", "Or der:1", "a:\n", "x" * 300],
)
def test_what_is_no_subject_is_refused(text):
    with pytest.raises(InvalidError):
        subject(text)


def test_a_batch_keeps_what_is_right_and_tells_what_is_not(office):
    told = office.feedbacks.batch(
        [
            {"on": "order:1", "value": 1}, {"subject": TRACE, "value": 7}, "nonsense",
            {"subject": TRACE, "value": 0, "wrong": 1}, {"value": 1},
            {"subject": TRACE, "comment": "ok", "confidence": "x"},
        ],
        by=JUDGE,
    )  # fmt: skip
    assert told["taken"] == len(told["ids"]) == 1
    assert [each["at"] for each in told["refused"]] == [1, 2, 3, 4, 5]
    assert told["refused"][3]["code"] == BadSubjectError().code
    assert [f.source for f in office.read().list()] == ["program"]
    for wrong in ([], {}, [{}] * 1001):
        with pytest.raises(BadBatchError):
            office.feedbacks.batch(wrong, by=JUDGE)


def test_feedback_of_an_older_volano_is_read_before_and_after_the_upgrade(tmp_path):
    path = tmp_path / "hot.db"
    hot = HotStore(path)
    hot.conn.execute(
        """CREATE TABLE feedback (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
           trace_id TEXT NOT NULL, at_us INTEGER NOT NULL, "by" TEXT NOT NULL,
           "group" TEXT NOT NULL, name TEXT NOT NULL, value REAL, comment TEXT,
           correction TEXT) STRICT"""
    )
    row = ("id1", TRACE, 5, "person:anna", "", "correct", 1.0, None, None)
    hot.conn.execute(f"INSERT INTO feedback VALUES (1, {', '.join('?' * 9)})", row)
    [before] = Feedbacks(None, path).list()
    with hot.transaction() as conn:
        prepare(conn)
        prepare(conn)
    [after] = Feedbacks(None, path).list()
    hot.close()
    assert before == after
    assert (after.thread, after.subject, after.about) == ("id1", TRACE, f"trace:{TRACE}")
    assert after.current is True
