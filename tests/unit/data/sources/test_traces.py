"""Own traces and their feedback as a source."""

import json

import pytest

from support.workspace import ANNA, Street
from volano.core.errors import VolanoError
from volano.data.errors import BadSourceError
from volano.data.sources import Around, Sources
from volano.data.sources.places import traces as place


@pytest.fixture
def street(desk):
    street = Street(desk)
    street.sources = Sources(
        Around(now_us=desk.clock.now_us, traces=street.traces, feedbacks=street.feedbacks)
    )
    desk.serve("support")
    desk.serve("other")
    yield street
    street.close()


def asked(street, text, channel="support", answered=True, **said):
    body = json.dumps({"messages": [{"role": "user", "content": text}]}, ensure_ascii=False)
    answer = json.dumps({"choices": [{"message": {"role": "assistant", "content": "an answer"}}]})
    response = answer.encode() if answered else b""
    trace = street.call(channel, "stable", request=body.encode(), response=response)
    street.workspace.clock.advance(1)
    if said:
        street.feedbacks.add(trace, **said, by=ANNA)
    street.recorder.drain()
    return trace


def read(street, chosen, state=None):
    source = street.sources.open({"traces": chosen}, state=state)
    aside = []
    return list(source.rows(aside.append)), aside, source


def test_a_call_is_a_row_with_its_answer_and_what_was_said_of_it(street):
    trace = asked(street, "Wo ist mein Päckchen?", correction="shipping", name="correct", value=0.0)
    asked(street, "Где моя карта?", channel="other")
    rows, _, _ = read(street, {"channel": "support"})
    assert [row["text"] for row in rows] == ["Wo ist mein Päckchen?"]
    row = rows[0]
    assert row["label"] == "shipping"
    assert row["answer"] == "an answer"
    assert row["feedback"] == {"correct": 0.0}
    assert (row["origin"]["source"], row["origin"]["trace"]) == ("traces", trace)
    assert row["origin"]["feedback"]
    assert len(read(street, {})[0]) == 2


def test_a_call_whose_answer_was_not_kept_is_set_aside(street):
    trace = asked(street, "Hol a csomagom?", answered=False)
    rows, aside, _ = read(street, {})
    assert rows == []
    assert aside[0].row["origin"]["trace"] == trace
    assert "answer" in aside[0].detail


def test_only_calls_with_such_feedback(street):
    asked(street, "good", value=1.0)
    asked(street, "bad", value=0.0)
    asked(street, "corrected", correction="right")
    asked(street, "silent")

    def texts(feedback):
        return {row["text"] for row in read(street, {"feedback": feedback})[0]}

    assert texts("any") == {"good", "bad", "corrected"}
    assert texts("corrections") == {"corrected"}
    assert texts({"name": "correct", "least": 1}) == {"good"}
    assert texts({"most": 0}) == {"bad"}
    assert texts({"name": "helpful"}) == set()


def test_many_calls_by_pages_and_with_a_state_only_new_ones(street, monkeypatch):
    monkeypatch.setattr(place, "_PAGE", 3)
    for number in range(8):
        asked(street, f"question {number}")
    rows, _, source = read(street, {})
    assert len({row["text"] for row in rows}) == 8
    before = source.fingerprint()
    assert source.fingerprint() == before
    asked(street, "a late one")
    assert source.fingerprint() != before
    rows, _, source = read(street, {}, json.loads(json.dumps(source.state())))
    assert [row["text"] for row in rows] == ["a late one"]
    assert read(street, {}, source.state())[0] == []


def test_a_filter_and_a_window(street):
    asked(street, "one")
    asked(street, "two")
    assert len(read(street, {"where": "channel = support", "since": "-1h"})[0]) == 2
    assert read(street, {"until": "-1h"})[0] == []
    with pytest.raises(VolanoError):
        read(street, {"where": "channel ="})


@pytest.mark.parametrize(
    "chosen",
    [3, {"chanel": "x"}, {"feedback": "some"}, {"feedback": {"least": "1"}}, {"channel": 1}],
)
def test_choices_that_cannot_be(chosen, street):
    with pytest.raises(BadSourceError):
        street.sources.open({"traces": chosen})
