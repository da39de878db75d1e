"""Whatever a keeper returns has a form in JSON."""

import json
import math
from pathlib import Path

import pytest

from support.workspace import ANNA, Street
from volano.core.digest import Digest
from volano.core.money import Money
from volano.core.score import Score
from volano.core.verdict import Verdict
from volano.data import Datasets
from volano.gateway.snapshot import Arm, Target
from volano.jobs.keeper import Runs
from volano.releases.plan import Plan
from volano.web.api.plain import plain


def trip(value):
    """Through JSON as strict parsers know it, and back."""
    return json.loads(json.dumps(plain(value), allow_nan=False).encode())


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        (None, None), (True, True), (7, 7), (0.5, 0.5), ("ű\u202e", "ű\u202e"),
        (Digest.of(b""), str(Digest.of(b""))), (Path("/a/ű"), "/a/ű"),
        (b"\xc5\xb1", "ű"), (b"\xff", "\ufffd"), (bytearray(b"ab"), "ab"),
        ((1, [2, {3}]), [1, [2, [3]]]), (frozenset({"a"}), ["a"]), ({1: {"a": ()}}, {"1": {"a": []}}),
        (math.nan, None), (math.inf, None), ([-math.inf], [None]),
        (2**70, 2**70),
    ],
    ids=repr,
)  # fmt: skip
def test_plain_values(value, becomes):
    assert trip(value) == becomes


def test_a_text_of_half_a_character_does_not_break_the_answer():
    assert trip({"a": "x\ud800"}) == {"a": "x?"}


def test_what_has_no_form_is_told():
    with pytest.raises(TypeError, match="object"):
        plain(object())


def test_nouns_of_the_core():
    assert trip(Plan.parse("5%,100%"))["steps"] == [50_000, 1_000_000]
    assert trip(Verdict("pass", "fine", {"n": 1}))["outcome"] == "pass"
    assert trip(Score("exact_match", 0.5, 0.4, 0.6, 20))["name"] == "exact_match"
    assert trip(Money(5, "EUR"))["currency"] == "EUR"
    arm = Arm("a@1", "sha256:x", (Target("t", "http://x", "m"),))
    assert trip(arm)["targets"][0]["url"] == "http://x"


def test_what_the_keepers_return(desk):
    street = Street(desk)
    try:
        _check(desk, street)
    finally:
        street.close()


def _check(desk, street):
    datasets = Datasets(desk.catalog)
    rows = [{"text": f"Frage {n}", "label": {"queue": "ű", "n": str(n)}} for n in range(9)]
    data = datasets.add("tickets", rows, by=ANNA)
    release = desk.serve()
    rollout = desk.releases.promote(desk.cut().ref, channel="support", by=ANNA)
    street.tick()
    trace = street.call("support", "candidate")
    street.say(trace, 0.5, comment="na ja", correction="x")
    street.tick()
    key, _ = desk.keys.create("app", by=ANNA)
    runs = Runs(desk.db, desk.ledger, desk.folder, desk.clock, jobs_url="sqlite://")
    runs.register("toy", lambda work: {})
    run = runs.start("toy", name="x", inputs={"a": [1]}, by=ANNA)

    artifact = trip(release)
    assert (artifact["ref"], artifact["digest"]) == ("support@1", release.digest)
    assert [parent["role"] for parent in artifact["parents"]] == ["flow", "model", "prompt"]
    assert set(artifact["files"]) == {"README.md", "release.json", "release.dsse.json"}
    assert trip(release.manifest)["schema_version"] == 1
    tree = trip(desk.catalog.lineage(release.digest))
    assert tree["parents"][0]["artifact"]["kind"] == "flow"
    assert trip(datasets.rows(data.ref))[0]["label"]["queue"] == "ű"
    assert trip(desk.releases.channels())[0]["candidate_ref"] == "support@2"
    assert trip(desk.releases.arms(desk.releases.channel("support")))[1]["role"] == "candidate"
    assert trip(desk.releases.rollout(rollout.id))["plan"]["guard"] == {"failed": 20, "of": 25}
    assert trip(desk.releases.rollout_events(rollout.id))[0]["kind"] == "promoted"
    status = trip(street.reconciler.status("support"))
    assert status["evidence"]["calls"]["candidate"] == 1
    assert trip(desk.keys.list()) == trip([key])
    assert trip(run)["inputs"] == {"a": [1]}
    assert trip(street.traces.list())[0]["id"] == trace
    assert trip(street.traces.counts())["calls"] == 1
    assert trip(street.traces.stats())[0]["release"] == "support@2"
    assert trip(street.traces.bodies(street.traces.last()))["request"].startswith("{")
    assert trip(street.feedbacks.list())[0]["comment"] == "na ja"
    assert trip(street.feedbacks.corrections())[0]["feedback"]["correction"] == "x"
    assert trip(desk.ledger.list())[0]["seq"] == desk.ledger.root()[0]
    assert trip(desk.ledger.prove(1))["seq"] == 1
    assert trip(desk.ledger.verify())["problems"] == []
    assert trip(desk.blobs.verify())["bad"] == []
