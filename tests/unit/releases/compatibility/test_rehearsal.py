"""Both releases are asked in turns; what was asked is not asked again; money and silence end it."""

import json

import pytest

from volano.core.errors import UnavailableError
from volano.core.ports.chat import Answer
from volano.releases.compatibility import rehearsal
from volano.releases.compatibility.rehearsal import Recorded, from_plain, rehearse, to_plain

SCHEMA = {"type": "object", "properties": {"team": {"type": "string"}}, "required": ["team"]}
GOOD = '{"team": "számlák"}'


class Party:
    """A release that says what `says` gives for the body."""

    def __init__(self, says, log):
        self.says, self.log = says, log

    def __call__(self, door, body):
        self.log.append((self, json.loads(body)["n"]))
        said = self.says(json.loads(body)["n"])
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, Answer) else Answer(said, "stop", 10, 5)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(rehearsal, "_AGAIN_S", 0.0)


def requests(n, **more):
    return [
        Recorded(f"{at:032x}", f"u{at}", "openai.chat", json.dumps({"n": at, **more}).encode())
        for at in range(n)
    ]


def run(tmp_path, says, *, n=6, costs=None, budget_nano=None, schemas=(SCHEMA, SCHEMA), asked=None):
    log = []
    parties = [Party(one, log) for one in says]
    found = rehearse(
        asked or requests(n), parties, costs or [lambda *_: 0] * 2, schemas=schemas,
        budget_nano=budget_nano, journal=tmp_path / "j.jsonl", about={"a": "b"},
        progress=lambda done, of: None,
    )  # fmt: skip
    return found, parties, log


def states(found):
    return [(one.old.state, one.new.state) for one in found]


def test_both_are_asked_and_take_turns_to_be_first(tmp_path):
    found, (old, new), log = run(tmp_path, [lambda n: GOOD, lambda n: GOOD], n=3)
    assert states(found) == [("ok", "ok")] * 3
    assert [who for who, _ in log] == [old, new, new, old, old, new]
    assert from_plain(to_plain(found)) == found


def test_errors_broken_forms_and_refusals_are_told_apart(tmp_path):
    says = [
        "no JSON", '{"team": 3}', Answer("", "content_filter"), UnavailableError("down"), GOOD,
        Answer("", "tool_calls"),
    ]  # fmt: skip
    found, _, _ = run(tmp_path, [lambda n: GOOD, lambda n: says[n]])
    assert [new for _, new in states(found)] == ["schema", "schema", "refused", "error", "ok", "ok"]
    assert "$.team is no string" in found[1].new.why
    assert found[3].new.why == "down"


def test_an_answer_in_a_form_of_the_callers_own_is_not_held_to_the_flows(tmp_path):
    asked = requests(1, response_format={"type": "text"})
    found, _, _ = run(tmp_path, [lambda n: "x", lambda n: "x"], asked=asked)
    assert states(found) == [("ok", "ok")]


def test_what_is_away_for_a_moment_is_asked_once_more(tmp_path):
    tries = []

    def flaky(n):
        tries.append(n)
        return UnavailableError("busy") if len(tries) == 1 else GOOD

    found, _, _ = run(tmp_path, [lambda n: GOOD, flaky], n=1)
    assert states(found) == [("ok", "ok")]
    assert tries == [0, 0]


def test_a_check_that_was_killed_goes_on_where_it_stopped(tmp_path):
    def dies(n):
        if n == 4:
            raise KeyboardInterrupt
        return GOOD

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, [lambda n: GOOD, dies])
    found, _, log = run(tmp_path, [lambda n: GOOD, lambda n: GOOD])
    assert len(found) == 6
    assert sorted({n for _, n in log}) == [4, 5]


def test_it_ends_before_the_budget_does(tmp_path):
    found, _, log = run(
        tmp_path, [lambda n: GOOD] * 2, n=50, costs=[lambda *_: 40, lambda *_: 60], budget_nano=1000
    )
    assert len(found) == 9
    assert len(log) * 50 <= 1000


def test_it_ends_where_the_new_release_never_answers(tmp_path):
    found, _, _ = run(tmp_path, [lambda n: GOOD, lambda n: UnavailableError("down")], n=50)
    assert len(found) == rehearsal.SILENT
