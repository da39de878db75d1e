import msgspec
import pytest

from volano.access.errors import BadMomentError
from volano.core.clock import ManualClock
from volano.core.principal import SYSTEM
from volano.store.ledger import Ledger
from volano.traces.errors import BadHoldError, BadRetentionError, NoHoldError, NoRetentionError
from volano.traces.retentions import Holds, Policies, Retentions
from volano.traces.sealed.rules import Policy


@pytest.fixture
def kept(database, tmp_path):
    clock = ManualClock()
    ledger, policies = Ledger(database, clock), Policies(database, tmp_path / "run" / "r.json")

    class Kept:
        retentions = Retentions(database, ledger, clock, policies)
        holds = Holds(database, ledger, clock, policies)

        def published(self):
            return msgspec.json.decode((tmp_path / "run" / "r.json").read_bytes(), type=Policy)

        def events(self):
            return [(e.verb, e.subject.partition("/")[0]) for e in ledger.list(limit=50)][::-1]

    return Kept()


def test_rules_are_set_replaced_listed_and_removed(kept):
    assert kept.retentions.list() == []
    kept.retentions.set(days=90, body_days=30, by=SYSTEM)
    kept.retentions.set(days=7, channel="a", by=SYSTEM)
    one = kept.retentions.set(days=5, channel="a", by=SYSTEM)
    listed = kept.retentions.list()
    assert [(r.of, r.days, r.body_days) for r in listed] == [
        ("channel a", 5, 0), ("everything", 90, 30),
    ]  # fmt: skip
    assert sorted(rule.days for rule in kept.published().rules) == [5, 90]
    kept.retentions.remove(one.id, by=SYSTEM)
    assert [rule.days for rule in kept.published().rules] == [90]
    with pytest.raises(NoRetentionError):
        kept.retentions.remove(one.id, by=SYSTEM)
    assert kept.events() == [("set", "retention")] * 3 + [("remove", "retention")]


@pytest.mark.parametrize(
    "given", [{"days": -1}, {"days": 10**6}, {"days": 3, "body_days": 4}, {"days": 3, "tag": "=x"},
              {"days": 3, "tag": "x"}],
)  # fmt: skip
def test_rules_without_sense_are_refused(kept, given):
    with pytest.raises(BadRetentionError):
        kept.retentions.set(**given, by=SYSTEM)
    assert kept.retentions.list() == []


def test_holds_are_added_and_released(kept):
    held = kept.holds.add(session="s", since="2026-01-02", reason="дело 4711", by=SYSTEM)
    assert (held.of, held.reason) == ("session s, since 2026-01-02T00:00:00Z", "дело 4711")
    [told] = kept.published().holds
    assert (told.session, told.since_us, told.until_us) == ("s", 1767312000000000, 0)
    assert kept.holds.list() == [held]
    kept.holds.release(held.id, by=SYSTEM)
    assert kept.holds.list() == []
    assert kept.published().holds == ()
    with pytest.raises(NoHoldError):
        kept.holds.release(held.id, by=SYSTEM)
    for wrong in ({}, {"channel": " "}, {"trace": "x", "reason": " "}):
        with pytest.raises(BadHoldError):
            kept.holds.add(**({"reason": "r"} | wrong), by=SYSTEM)
    with pytest.raises(BadMomentError):
        kept.holds.add(since="tomorrow", reason="r", by=SYSTEM)
