"""The states of models: which moves there are, who is told, and what a used model is spared."""

from typing import ClassVar

import pytest

from volano.core.clock import ManualClock
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.models import ModelNotUsableError, Models
from volano.models.errors import StillUsedError, UnfitStateError
from volano.models.life import OVER, STATES, may_move, next_states
from volano.models.lives import Lives
from volano.store.blobs import Blobs
from volano.store.catalog import Catalog
from volano.store.ledger import Ledger

BY = Principal("person", "anna")

#           draft candidate active legacy deprecated retired revoked
MOVES = {
    "draft": "     -  yes  -    -    -    yes  yes",
    "candidate": " yes  -  yes  -    -    yes  yes",
    "active": "    -  -    -    yes  yes  -    yes",
    "legacy": "    -  -    yes  -    yes  -    yes",
    "deprecated": "-  -    yes  yes  -    yes  yes",
    "retired": "   yes  -  -    -    -    -    yes",
    "revoked": "   -  -    -    -    -    -    -",
}


@pytest.mark.parametrize("before", STATES)
def test_the_moves_are_these_and_no_others(before):
    wanted = [word == "yes" for word in MOVES[before].split()]
    assert [may_move(before, after) for after in STATES] == wanted
    assert [after in next_states(before) for after in STATES] == wanted


@pytest.fixture
def desk(sqlite, tmp_path):
    class Desk:
        clock = ManualClock()
        ledger = Ledger(sqlite, clock)
        catalog = Catalog(sqlite, Blobs(tmp_path / "blobs", sqlite), ledger, clock)
        used: ClassVar = {}
        lives = Lives(
            db=sqlite, catalog=catalog, ledger=ledger, clock=clock,
            in_use=lambda digest: list(Desk.used.get(digest, [])),
        )  # fmt: skip
        models = Models(catalog, tmp_path / "cache", alive=lives.check)

        def model(self, name="m", meta=None, parents=()):
            meta = {"format": "gguf", **(meta or {})}
            files = {"model.gguf": b"GGUF"}
            return self.catalog.record(
                "model", name, files=files, meta=meta, parents=parents, by=BY
            )

    return Desk()


def test_a_move_is_kept_told_and_shown(desk):
    model = desk.model()
    assert desk.lives.state_of(model.digest) == "draft"
    desk.lives.move("m", "candidate", by=BY)
    desk.clock.advance(5)
    moved = desk.lives.move("m@1", "active", why="0.98 on the test rows", by=BY)
    assert (moved.before, moved.state) == ("candidate", "active")
    history = desk.lives.history("m")
    assert [(one.before, one.state) for one in history] == [
        ("draft", "candidate"), ("candidate", "active"),
    ]  # fmt: skip
    assert (history[1].why, history[1].by) == ("0.98 on the test rows", str(BY))
    told = desk.ledger.list(limit=1)[0]
    assert (told.verb, told.subject, told.digests) == ("model.state", "model/m@1", (model.digest,))
    assert told.content == {"from": "candidate", "to": "active", "why": "0.98 on the test rows"}
    [row] = desk.lives.list()
    assert (row["state"], row["format"], row["engine"], row["size"]) == (
        "active", "gguf", "llamacpp", 4,
    )  # fmt: skip


@pytest.mark.parametrize("state", ["active", "draft", "gone", "ready"])
def test_a_move_that_is_none_is_refused_with_those_there_are(desk, state):
    desk.model()
    with pytest.raises(UnfitStateError, match="m@1` is draft") as caught:
        desk.lives.move("m", state, by=BY)
    assert "candidate, retired, revoked" in caught.value.advice
    assert desk.lives.history("m") == []


def test_a_failed_proof_stands_in_the_list_and_with_the_model(desk):
    desk.model(meta={"parity": {"n": 31, "equal": 18, "passed": False}, "form": "q8_0"})
    [row] = desk.lives.list()
    assert (row["state"], row["parity"]) == ("draft", "failed: 18 of 31")
    notes = desk.lives.show("m").notes
    assert any("may not be used: only 18 of 31" in note for note in notes)
    desk.model("other")
    assert {row["ref"]: row["parity"] for row in desk.lives.list()}["other@1"] is None


@pytest.mark.parametrize("state", OVER)
def test_what_a_channel_uses_does_not_go(desk, state):
    model = desk.model()
    desk.used[model.digest] = ["channel support"]
    with pytest.raises(StillUsedError, match=f"cannot be {state}: channel support"):
        desk.lives.move("m", state, by=BY)
    desk.used.clear()
    assert desk.lives.move("m", state, by=BY).state == state


def test_who_keeps_a_model_is_told_with_both_ways_out(desk):
    model = desk.model()
    for users, said in ((["channel a"], "channel a still uses it"),
                        (["channel a", "channel b"], "channel a, channel b still use it")):  # fmt: skip
        desk.used[model.digest] = users
        with pytest.raises(StillUsedError, match=said) as refused:
            desk.lives.move("m", "retired", by=BY)
        assert "Promote another release" in refused.value.advice
        assert "volano channel close" in refused.value.advice
    desk.used.clear()


def test_a_base_stays_while_a_channel_uses_an_adapter_on_it(desk):
    base = desk.model("base")
    adapter = desk.model("tuned", {"format": "adapter"}, [Parent("base", base.digest)])
    desk.used[adapter.digest] = ["channel support"]
    with pytest.raises(StillUsedError, match="base@1"):
        desk.lives.move("base", "retired", by=BY)


@pytest.mark.parametrize("state", OVER)
def test_what_is_over_is_used_for_nothing_new(desk, state):
    model = desk.model()
    assert desk.models.usable(model) is model
    desk.lives.move("m", state, by=BY)
    for use in (desk.models.usable, desk.models.tunable):
        with pytest.raises(ModelNotUsableError, match=f"it is {state}"):
            use(model)
    with pytest.raises(ModelNotUsableError, match=f"it is {state}"):
        desk.models.weights("m@1")
    with pytest.raises(ModelNotUsableError, match=f"it is {state}"):
        desk.models.add_pointer("pool", at=["m@1"], by=BY)


def test_who_is_retired_may_come_back(desk):
    model = desk.model()
    for state in ("retired", "draft", "candidate", "active"):
        desk.lives.move("m", state, by=BY)
    assert desk.models.usable(model) is model
