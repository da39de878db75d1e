"""Pin, look, be told what moved, and take it along."""

import json

import pytest

from support.workspace import ANNA
from volano.monitor.drift.errors import (
    BadStretchError,
    NoMovedCallsError,
    NothingToPinError,
    UnknownLookError,
    UnknownReferenceError,
)
from volano.monitor.drift.watch import Watch
from volano.stats.errors import StatsInputError

PARCEL = "where is my parcel {n}; the courier has not come on {d}"
REFUND = "how do I get my money back for order {n}, paid on {d}"
HELP = "请问订单{n}什么时候退款，{d}下的单"


KINDS = [
    "my card was declined in the shop {d}", "reset the password of account {n}",
    "сколько стоит доставка заказа {n}", "mikor nyit a bolt {d} napon", "怎么取消订单{n}",
    "which plan has {n} minutes abroad", "the screen of my phone broke on {d}", PARCEL, REFUND,
]  # fmt: skip


def found(look, signal, slice_="all"):
    return next(f for f in look.findings if (f.signal, f.slice) == (signal, slice_))


def test_traffic_that_stays_has_not_moved(town):
    town.ask(300, *KINDS)
    pinned = town.pin(shift=0.6)
    assert (pinned.n, pinned.units, pinned.ref) == (300, 300, "support@1")
    town.ask(240, *KINDS)
    look = town.drift.check("support", by=ANNA)
    said = [(f.signal, f.state, f.p, f.needed) for f in look.findings]
    assert look.state == "none", said
    assert look.n == 240
    assert {f.signal for f in look.findings} >= {
        "input",
        "output",
        "latency",
        "language",
        "outcome",
    }
    for key in ("support", look.id):
        assert town.drift.show(key).to_dict() == look.to_dict()
    [row] = town.drift.list()
    assert (row["state"], row["look"]) == ("none", look.id)


def test_what_moved_is_named_shown_and_made_a_dataset(town):
    town.ask(300, PARCEL, REFUND)
    town.pin()
    town.ask(150, PARCEL, HELP)
    look = town.drift.check("support", by=ANNA)
    assert look.state == "drift"
    assert "input" in look.moved
    assert "language" in look.moved
    assert found(look, "latency").state == "none"
    grown = [t for t in look.topics if t.signal == "input" and t.after[1] > t.before[2]]
    assert any({"请问", "订单", "退款", "下的", "问订"} & {*t.words} for t in grown)
    gone = [t for t in look.topics if t.signal == "input" and t.after[2] < t.before[1]]
    assert any({"money", "back", "order", "paid"} & {*t.words} for t in gone)
    assert "请问" in town.street.traces.get(grown[0].ids[0]).input_text
    corrected = grown[0].ids[0]
    town.street.say(corrected, 0, correction="明天退款")
    town.street.recorder.drain()
    made = town.drift.dataset(look.id, name="moved", test_share=0.0, by=ANNA)
    rows = {row.origin["trace"]: row for row in town.datasets.rows(made.value.ref, "train")}
    assert all("订单" in row.text for row in rows.values())
    assert rows[corrected].label == "明天退款"
    assert "review them" in made.notes[0]
    assert rows[corrected].origin["look"] == look.id


def test_what_is_slower_and_worse_is_seen_apart(town):
    town.ask(200, PARCEL, REFUND)
    for trace in town.street.traces.list(limit=200):
        town.street.say(trace.id, 1)
    town.street.recorder.drain()
    town.pin()
    town.ask(120, PARCEL, REFUND, slow=3)
    for trace in town.street.traces.list(limit=120):
        town.street.say(trace.id, int(trace.seq % 2))
    town.street.recorder.drain()
    look = town.drift.check("support", by=ANNA)
    assert look.moved.split(", ") == ["latency", "quality correct"]
    assert found(look, "quality correct").middle == pytest.approx((1.0, 0.5))


def test_few_calls_are_insufficient_evidence_with_the_size_that_would_do(town):
    town.ask(120, PARCEL, REFUND)
    town.pin(shift=0.2)
    town.ask(25, PARCEL, REFUND)
    look = town.drift.check("support", by=ANNA)
    assert look.state == "insufficient evidence"
    assert look.needed > 25
    town.workspace.clock.advance(2 * 86_400)
    nothing = town.drift.check("support", last="1h", by=ANNA)
    assert (nothing.state, nothing.n) == ("insufficient evidence", 0)


def test_calls_of_few_users_are_few(town):
    """Six hundred calls of six users say what six users do, and no more."""
    town.ask(400, PARCEL, REFUND, users=8)
    town.pin()
    town.ask(200, HELP, users=8)
    look = town.drift.check("support", by=ANNA)
    assert look.units == 8
    assert look.state == "insufficient evidence"


@pytest.mark.parametrize("town", ["sqlite", "postgres"], indirect=True)
def test_each_look_spends_and_time_refills(town):
    town.ask(60, PARCEL)
    town.pin(alpha=0.04)
    levels = []
    for _ in range(3):
        levels.append(town.drift.check("support", by=ANNA).level)
    assert levels == pytest.approx([0.02, 0.01, 0.005], rel=1e-3)
    town.workspace.clock.advance(365 * 86_400)
    assert town.drift.check("support", by=ANNA).level == pytest.approx(0.02)


def test_slices_are_looked_at_apart(town):
    town.ask(300, PARCEL, HELP)
    town.pin(slices=("language",))
    town.ask(200, REFUND, HELP)
    look = town.drift.check("support", by=ANNA)
    assert found(look, "input", "language=latin").state == "drift"
    assert found(look, "input", "language=han").state != "drift"
    assert not [f for f in look.findings if f.signal == f.slice.partition("=")[0]]


def test_control_looks_by_itself_when_it_is_time(town):
    town.ask(60, PARCEL)
    town.pin(every="6h")
    town.pin("by-hand")
    watch = Watch(town.drift)
    assert watch.once() == []
    town.ask(40, PARCEL)
    town.workspace.clock.advance(6 * 3600)
    assert watch.once() == ["support"]
    assert watch.once() == []
    assert len(town.drift.looks("support")) == 1


def test_a_name_that_is_pinned_again_begins_anew(town):
    town.ask(60, PARCEL)
    town.pin()
    town.drift.check("support", by=ANNA)
    assert town.pin().ref == "support@2"
    assert [row["state"] for row in town.drift.list()] == ["not looked yet"]
    assert town.drift.unpin("support", by=ANNA)["ref"] == "support@2"
    assert town.drift.list() == []
    verbs = [e.verb for e in town.workspace.ledger.list(limit=50) if e.subject == "drift/support"]
    assert verbs == ["unpin", "pin", "look", "pin"]


def test_what_cannot_be_is_said(town):
    with pytest.raises(NothingToPinError):
        town.pin()
    with pytest.raises(UnknownReferenceError):
        town.drift.check("supprot", by=ANNA)
    with pytest.raises(UnknownLookError):
        town.drift.show("supprot")
    town.ask(40, PARCEL)
    for wrong in ({"alpha": 0.0}, {"shift": 2.0}, {"slices": ["colour"]}):
        with pytest.raises(StatsInputError):
            town.pin(**wrong)
    with pytest.raises(BadStretchError):
        town.pin(last="a while")
    town.pin()
    town.ask(30, PARCEL)
    look = town.drift.check("support", by=ANNA)
    with pytest.raises(NoMovedCallsError):
        town.drift.dataset(look.id, name="x", by=ANNA)


def test_no_text_and_no_user_is_in_a_reference(town):
    town.ask(40, PARCEL, users=30)
    pinned = town.pin(shift=0.5)
    artifact = town.workspace.catalog.get("reference", pinned.ref)
    data = town.workspace.catalog.read(artifact, "sample.npz")
    from volano.monitor.drift.sample import Sample

    sample = Sample.from_bytes(data)
    shown = json.dumps(
        [sample.units, sample.ids, *(c.tolist() for c in sample.categories.values())]
    )
    assert "parcel" not in shown
    assert "user-" not in shown
