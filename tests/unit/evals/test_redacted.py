"""No key is told: not whole, not escaped, not the part that a clip has left of it."""

import pytest

from volano.ci.judged import UNMEASURED, Verdict
from volano.ci.repository import Base
from volano.ci.rules import Check
from volano.ci.told import Told, junit, markdown
from volano.evals.answered import Answered
from volano.evals.quiet import answered, line_without, quiet_stream
from volano.evals.redacted import as_written, held_in, redacted, struck

KEY = "sk-proj-ab_cd_ef12<&\"'"
BASE = Base("main", "0123456789abcdef")


def test_a_secret_that_somebody_repeats_is_not_told():
    said = {"a": ["key sk-12345 is bad", {"sk-12345": 7}], "b": None}
    assert redacted("a\x1b\x00\ud800b\n", []) == "a\ufffd\ufffd\ufffdb\n"
    assert redacted(said, ["sk-12345"]) == {"a": ["key *** is bad", {"***": 7}], "b": None}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"bad key {KEY[:8]}", "bad key ***"),
        (f"bad key {KEY[:12]}…", "bad key ***…"),
        (f"bad key {KEY[:-3]}.", "bad key ***."),
        (f"{KEY}, then {KEY[:10]}", "***, then ***"),
        (f"bad key {KEY[:7]}", f"bad key {KEY[:7]}"),
        (f"{KEY[:12]} is bad", f"{KEY[:12]} is bad"),
    ],
)
def test_a_secret_that_was_cut_off_at_the_end_is_not_told(said, told):
    assert redacted(said, [KEY]) == told


@pytest.mark.parametrize("secret", [KEY, "sk-12345", "ключ-до-сервера", "a\\b\n\x01c-12345"])
def test_where_a_secret_may_stand_is_seen_quickly(secret):
    for said in (secret, f"<{secret}>", f"cut {secret[:8]}…", f"\ud800 {secret}"):
        assert held_in({"a": [said]}, ["other-key-1", secret])
        assert struck({"a": [said]}, [secret]) != {"a": [said]}
    assert not held_in({"a": secret[:7]}, [secret])
    assert not held_in({"a": secret}, [])


@pytest.mark.parametrize("tell", [markdown, junit])
def test_a_secret_that_is_already_escaped_is_found(tell):
    one = Verdict(Check("c", "s", model="m"), UNMEASURED, f"bad {KEY} here", "it is new")
    said = tell(Told([one], [], [], BASE))
    assert "ef12" in said
    told = redacted(said, as_written([KEY]))
    assert "bad *** here" in told
    assert "ef12" not in told


WORDS = ["token", "answer", "score", "stop", "model", "name", "error", "east"]


@pytest.mark.parametrize("key", WORDS)
def test_a_key_that_is_a_word_of_ours_changes_no_name(key):
    call = {"name": "look", "arguments": {"q": f"the {key}"}}
    one = Answered(
        "stop-1", f"my {key}.", "stop", 3, 4, f"no {key}", tools=(call,), model=f"m/{key}"
    )
    told = answered(one, [key])
    assert (told.answer, told.error, told.model) == ("my ***.", "no ***", "m/***")
    assert [*told.tools] == [{"name": "look", "arguments": {"q": "the ***"}}]
    assert (told.id, told.finish_reason, told.prompt_tokens) == ("stop-1", "stop", 3)


@pytest.mark.parametrize("key", WORDS)
def test_a_line_keeps_its_fields_its_scores_and_its_place(key):
    own = {
        "scores": {"token_f1": 1.0, "score": None},
        "cluster": "east",
        "slices": {"model": "east"},
    }
    said = {"unmeasured": {"score": f"no {key}"}, "notes": {"score": {"model": f"a {key}"}}}
    one = {**Answered("r", f"my {key}").to_dict(), **own, **said, "critical": False}
    told = line_without(one, [key])
    assert told == {
        **one, "answer": "my ***", "unmeasured": {"score": "no ***"},
        "notes": {"score": {"model": "a ***"}},
    }  # fmt: skip
    assert list(told) == list(one)
    assert line_without(one, ["another-key"]) == one


def test_a_line_in_which_no_key_stands_is_not_written_anew():
    one = {**Answered("r", "mine").to_dict(), "critical": False}
    assert line_without(one, ["another-key"]) is one


@pytest.mark.parametrize("secrets", [[KEY, "x-12345-x-1"], [f"{KEY}-more", KEY], [KEY]])
def test_pieces_of_an_answer_tell_what_the_whole_would(secrets):
    said = f"s x-12345-x-12345-x-1 {KEY}-mor {KEY}-more, {KEY[:9]}… sk- {KEY} x-12345-x"
    whole = struck(said, secrets)
    for size in range(1, 40):
        pieces = [said[at : at + size] for at in range(0, len(said), size)]
        assert "".join(quiet_stream(pieces, secrets)) == whole


def test_pieces_without_a_key_are_told_as_they_come():
    assert [*quiet_stream(["Itt ", "van.", " 好"], [KEY])] == ["Itt ", "van.", " 好"]
    assert [*quiet_stream(["a", "b"], [])] == ["a", "b"]
