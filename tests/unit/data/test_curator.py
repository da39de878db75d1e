"""Corrections given on traces become rows, with the trace and the feedback they came from."""

import json

import pytest

from support.workspace import ANNA, Street
from volano.data import Datasets
from volano.data.curator import Curator
from volano.data.errors import NoCorrectionsError, NothingToLearnError
from volano.store.errors import UnknownArtifactError
from volano.traces.spans import Spans


@pytest.fixture
def street(desk):
    street = Street(desk)
    street.datasets = Datasets(desk.catalog)
    street.curator = Curator(
        street.datasets, street.feedbacks, street.traces, Spans(street.hot_path)
    )
    rows = [{"text": f"old question {n}", "label": "billing"} for n in range(10)]
    street.base = street.datasets.add("tickets", rows, by=ANNA)
    desk.serve("support")
    desk.serve("other")
    yield street
    street.close()


def corrected(street, text, right, channel="support", **more):
    body = json.dumps({"messages": [{"role": "user", "content": text}]}, ensure_ascii=False)
    trace = street.call(channel, "stable", request=body.encode(), **more)
    street.workspace.clock.advance(1)
    said = street.feedbacks.add(trace, correction=right, by=ANNA)
    street.recorder.drain()
    return trace, said


def test_a_correction_becomes_a_row_with_its_origin(street):
    trace, said = corrected(street, "Wo ist mein Päckchen?", "shipping")
    made = street.curator.curate("tickets", base="tickets", by=ANNA)
    assert made.ref == "tickets@2"
    assert made.manifest.meta["curation"]["added"] == 1
    [row] = [row for row in street.datasets.rows("tickets@2") if row.origin]
    assert (row.text, row.label) == ("Wo ist mein Päckchen?", "shipping")
    assert row.origin == {"trace": trace, "feedback": said.id}
    assert street.base.digest in {parent.digest for parent in made.manifest.parents}
    assert street.datasets.diff("tickets@1", "tickets@2")["train"]["added"] == 1


def test_only_those_that_are_asked_for(street):
    corrected(street, "first question of all", "shipping")
    corrected(street, "a question elsewhere", "refund", channel="other")
    since = street.workspace.clock.now_us() + 1
    corrected(street, "a late question here", "hardware")

    def added(**given):
        made = street.curator.curate("new", base="tickets@1", **given, by=ANNA)
        return {row.text for row in street.datasets.rows(made.ref) if row.origin}

    assert added(channel="other") == {"a question elsewhere"}
    assert added(release="support@1") == {"first question of all", "a late question here"}
    assert added(since_us=since) == {"a late question here"}
    assert len(added()) == 3


def test_nothing_to_learn_makes_no_version(street):
    with pytest.raises(NoCorrectionsError):
        street.curator.curate("tickets", base="tickets", by=ANNA)
    with pytest.raises(UnknownArtifactError):
        street.curator.curate("tickets", base="nothing", by=ANNA)
    assert len(street.datasets.list()) == 1


def test_one_trace_becomes_a_row_with_its_answer_or_its_correction(street):
    answer = json.dumps({"choices": [{"message": {"content": "shipping"}}]}).encode()
    body = json.dumps({"messages": [{"role": "user", "content": "Где посылка?"}]}).encode()
    trace = street.call("support", "stable", request=body, response=answer)
    street.recorder.drain()
    made = street.curator.take(trace, "picked", by=ANNA)
    [row] = street.datasets.rows(made.ref)
    assert (made.ref, row.text, row.label) == ("picked@1", "Где посылка?", "shipping")
    assert row.origin == {"trace": trace}
    with pytest.raises(NoCorrectionsError):
        street.curator.take(trace, "picked", by=ANNA)
    said = street.feedbacks.add(trace, correction="refund", by=ANNA)
    street.recorder.drain()
    [row] = street.datasets.rows(street.curator.take(trace, "picked", by=ANNA).ref)
    assert (row.label, row.origin) == ("refund", {"trace": trace, "feedback": said.id})


def test_a_trace_without_an_answer_teaches_nothing(street):
    trace = street.call("support", "stable", outcome="error")
    street.recorder.drain()
    with pytest.raises(NothingToLearnError, match="no answer"):
        street.curator.take(trace, "picked", by=ANNA)
    assert street.curator.take(trace, "picked", label="shipping", by=ANNA).ref == "picked@1"
