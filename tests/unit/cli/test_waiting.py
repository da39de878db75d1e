"""A Run that a command waits for: how it is drawn, asked for, and told when it went wrong."""

import pytest
from click.testing import CliRunner

from volano.cli import talk, waiting
from volano.cli.root import root
from volano.web.api import VERBS

RUN = {"id": "01a2", "kind": "data.prepare", "name": "faq", "state": "queued", "outputs": None,
       "error": None, "progress": None}  # fmt: skip


def at(step, of, **metrics):
    return {**RUN, "state": "running", "progress": {"step": step, "of": of, "metrics": metrics}}


def test_the_line_of_a_recipe_has_rows_rate_and_time_left():
    line = waiting.bar(at(3, 12, rows=24_000, rows_per_s=5210.4, left_s=75.2))
    assert line == "3/12  5,210 rows a second  1 min 15 s left"
    assert waiting.bar(at(3, 0, rows=900)) == "3"
    assert waiting.bar(RUN) == "queued …"


@pytest.fixture
def control(monkeypatch):
    """What the command line asked, and what control answers to it."""
    asked, answers = [], []

    def ask(settings, method, path, arguments, **_):
        asked.append((method, path, dict(arguments)))
        return (answers.pop(0),)

    monkeypatch.setattr(talk, "ask", ask)
    monkeypatch.setattr(waiting, "POLL_S", 0)
    return asked, answers


def test_no_request_is_open_for_as_long_as_a_run_takes(control, tmp_path):
    asked, answers = control
    done = {**RUN, "state": "done", "outputs": {"ref": "faq@1"}}
    answers += [RUN, at(1, 2), done]
    (recipe := tmp_path / "r.yaml").write_text("dataset: faq")
    said = ["--home", str(tmp_path), "data", "prepare", str(recipe), "--wait"]
    found = CliRunner().invoke(root, said)
    assert found.exit_code == 0, found.output
    assert "faq@1" in found.output
    assert [method for method, *_ in asked] == ["POST", "GET", "GET"]
    assert "wait" not in asked[0][2] and asked[1][1] == "/api/v1/runs/01a2"


@pytest.mark.parametrize(
    ("gate", "kind", "exit_code"), [(True, talk.RemoteGateError, 3), (False, talk.RemoteError, 1)]
)
def test_a_run_that_ended_badly_is_an_error_with_its_log(gate, kind, exit_code):
    error = {"code": "of_a_room_not_loaded_here", "message": "3 of 8 rows break it.",
             "hint": "Correct the rows.", "gate": gate}  # fmt: skip
    assert waiting.code({**RUN, "state": "failed", "error": error}) == exit_code
    with pytest.raises(talk.RemoteError, match="3 of 8 rows") as caught:
        waiting.good({**RUN, "state": "failed", "error": error})
    assert type(caught.value) is kind
    assert caught.value.advice == "Correct the rows. More: `volano run log 01a2`."


def test_a_run_that_lost_its_provider_names_the_way_on(capsys):
    """The hint says how to find what is gone; then the Run goes on, and asks nothing twice."""
    error = {"code": "chat_unavailable", "message": "`http://a` does not answer: 503.",
             "hint": "See whether it runs.", "gate": False, "away": True}  # fmt: skip
    lost = {**RUN, "state": "failed", "error": error}
    assert waiting.attend(lost, home=None, as_json=False) == 1
    assert "next:  `volano run retry 01a2` goes on" in capsys.readouterr().err
    with pytest.raises(talk.RemoteError, match="does not answer") as caught:
        waiting.good(lost)
    assert "Then `volano run retry 01a2` goes on where it stopped." in caught.value.advice
    waiting.attend({**lost, "error": {**error, "away": False}}, home=None, as_json=False)
    assert "retry" not in capsys.readouterr().err


def test_a_run_that_somebody_cancelled_is_no_success():
    with pytest.raises(talk.RemoteError, match="is cancelled") as caught:
        waiting.good({**RUN, "state": "cancelled"})
    assert "run retry 01a2" in caught.value.advice


@pytest.mark.parametrize("as_json", [[], ["--json"]])
@pytest.mark.parametrize(
    ("over", "exit_code"),
    [
        ({"state": "done"}, 0),
        ({"state": "failed", "error": {"message": "The disk is full.", "hint": "Free some."}}, 1),
        ({"state": "failed", "error": {"message": "Labels are swapped.", "gate": True}}, 3),
        ({"state": "cancelled"}, 1),
        ({"state": "done", "outputs": {"outcome": "stopped"}}, 3),
    ],
)
def test_to_wait_for_a_run_ends_as_the_run_did(control, tmp_path, over, exit_code, as_json):
    control[1].append({**RUN, **over})
    found = CliRunner().invoke(root, ["--home", str(tmp_path), "run", "wait", "01a2", *as_json])
    assert found.exit_code == exit_code, found.output
    assert over["state"] in found.output
    assert (over.get("error") or {}).get("message", "") in found.output


def test_a_search_that_is_waited_for_says_its_verdict_the_model_and_the_report(control, capsys):
    outputs = {"ref": "tiny@1", "report": "tiny-search@1", "verdict": "Take q5_0."}
    done = {**RUN, "kind": "eval.search", "state": "done", "outputs": outputs}
    assert waiting.attend(done, home=None, as_json=False) == 0
    shown = capsys.readouterr()
    assert "Take q5_0." in shown.out and "tiny@1" in shown.out
    assert "volano eval show tiny-search@1" in shown.err
    assert "volano model show tiny@1" in shown.err


def test_what_may_not_be_used_is_said_at_the_end_of_its_run(capsys):
    outputs = {"ref": "small@1", "warnings": ["small@1 may not be used: only 18 of 31"]}
    waiting._show({**RUN, "kind": "model.compress", "state": "done", "outputs": outputs})
    said = capsys.readouterr()
    assert "warning: small@1 may not be used: only 18 of 31" in said.out + said.err


@pytest.mark.parametrize(
    ("kind", "outputs", "said", "next_"),
    [
        ("judge.check", {"ref": "r@1"}, "", "volano judge report r@1"),
        ("judge.compare", {"ref": "r@2"}, "", "volano judge report r@2"),
        ("eval.improve", {"ref": "válasz@2"}, "válasz@2", "volano prompt show válasz@2"),
        ("eval.advise", {"ref": "advice@1"}, "", "volano eval show advice@1"),
    ],
)
def test_what_a_run_made_is_shown_by_its_own_word(capsys, kind, outputs, said, next_):
    outputs = {**outputs, "verdict": "jobb"}
    run = {"id": "r", "kind": kind, "name": "n", "state": "done", "outputs": outputs}
    assert waiting.attend(run, home=None, as_json=False) == 0
    told = capsys.readouterr()
    assert (f"{said}\n" in told.out, f"next:  {next_}\n" in told.err) == (True, True)


@pytest.mark.parametrize(
    ("noun", "name"),
    [("judge", "check"), ("judge", "compare"), ("eval", "advise"), ("eval", "improve"), ("eval", "search")],
)  # fmt: skip
def test_what_does_not_wait_by_itself_can_be_told_to_and_names_how(noun, name):
    verb = next(one for one in VERBS if (one.noun, one.name) == (noun, name))
    assert (verb.waits, verb.may_wait, verb.next) == (False, True, "volano run wait {id}")
