"""Searches over a provider that depends on the prompt, and over one that no words help."""

from importlib.util import find_spec

import pytest

from simulators.prompted import TOPICS, Deaf, Writer
from volano.evals.wording.errors import GepaMissingError, NothingMeasuredError, TooSmallBudgetError
from volano.evals.wording.methods import METHODS, reflective
from volano.evals.wording.search import check_budget, least, search
from volano.evals.wording.sentence import notes, verdict
from volano.evals.wording.trail import choice_of
from volano.prompts.prompt import Prompt

HERE = [name for name in METHODS if name != "settings" and (name != "gepa" or find_spec("gepa"))]


def done(stage, method="few-shot", **given):
    trials = given.pop("trials", 8)
    made = stage(**given)
    return made, search(made.ground, method, made.cut.judge, trials=trials)


@pytest.mark.parametrize("method", HERE)
def test_a_method_finds_words_that_are_proven_better_on_held_out_rows(stage, method):
    _, found = done(stage, method)
    assert found.judged.better
    assert found.judged.low > 0.1
    assert "with 95 % confidence" in verdict(found, old="a@1", new="a@2")


def test_the_held_out_rows_are_asked_once_each_by_two_prompts_and_never_before_the_end(stage):
    made, _ = done(stage)
    held_out = {row.text for row in made.cut.judge}
    which = [asked[-1]["content"] in held_out for asked in made.asked]
    assert sum(which) == 2 * len(held_out)
    assert not any(which[: which.index(True)])
    assert all(which[which.index(True) :])
    shown = {one["content"] for asked in made.asked for one in asked[:-1]}
    assert not shown & held_out


def test_the_writing_model_is_never_shown_a_dev_or_a_held_out_row(stage):
    seen = []

    class Spy(Writer):
        def __call__(self, messages, **settings):
            seen.append(messages[-1]["content"])
            return super().__call__(messages, **settings)

    for method in {"rewrite", "gepa"} & set(HERE):
        made, _ = done(stage, method, writer=Spy())
        secret = [row.text for row in (*made.cut.judge, *made.cut.dev)]
        assert seen
        assert not [text for text in secret for said in seen if text in said]
        seen.clear()


@pytest.mark.parametrize(
    "method", [name for name in METHODS if name != "gepa" or find_spec("gepa")]
)
@pytest.mark.parametrize("calls", [343, 400, 611])
def test_no_call_more_than_the_budget_is_made_and_the_judgement_is_always_paid_for(
    stage, method, calls
):
    made, found = done(stage, method, calls=calls, at_once=8, trials=40)
    assert made.purse.made <= calls
    assert found.best is made.ground.tried[0] or found.judged is not None


def test_where_no_words_help_nothing_is_claimed(stage):
    claims = []
    for seed in range(24):
        _, found = done(stage, "few-shot", mind=Deaf(seed=seed), seed=seed, trials=6)
        claims.append(found.judged is not None and found.judged.better)
    assert sum(claims) <= 3  # 2.5 % each: four or more come about once in 300 times


def test_what_is_not_proven_is_said_so_with_the_rows_it_would_take(stage):
    told = []
    for seed in range(6):
        made, found = done(stage, mind=Deaf(seed=seed), seed=seed, trials=6)
        if found.judged and found.judged.needed:
            told.append(verdict(found, old="a@1", new="a@2"))
            choice = choice_of(
                made.ground, made.cut, found, dataset="d@1", split="test", old="a@1", new="a@2"
            )
            assert choice.winner == "a@1"
    assert told
    assert all(one.startswith("Not proven better, a@1 stays: ") for one in told)
    assert any("rows more would prove" in one for one in told)


def test_rows_of_one_cluster_are_less_of_a_proof(stage):
    made, found = done(stage)
    again = stage()
    shared = {row.id: str(at % 6) for at, row in enumerate(again.cut.judge)}
    clustered = search(again.ground, "few-shot", again.cut.judge, trials=8, clusters=shared)
    assert clustered.judged.difference == found.judged.difference
    assert clustered.judged.low < found.judged.low
    assert "share 6 clusters" in " ".join(notes(again.ground, again.cut, clustered))
    assert "clusters" not in " ".join(notes(made.ground, made.cut, found))


def test_the_same_seed_makes_the_same_search_whatever_is_in_flight(stage):
    one, _ = done(stage, at_once=1)
    other, _ = done(stage, at_once=8)
    assert [t.prompt for t in one.ground.tried] == [t.prompt for t in other.ground.tried]
    assert [t.score for t in one.ground.tried] == [t.score for t in other.ground.tried]
    third, _ = done(stage, seed=1)
    assert [t.prompt for t in third.ground.tried] != [t.prompt for t in one.ground.tried]


@pytest.mark.parametrize(
    "method", [name for name in METHODS if name != "gepa" or find_spec("gepa")]
)
def test_a_search_that_broke_off_anywhere_ends_as_one_that_did_not(stage, method):
    whole, found = done(stage, method, trials=5, at_once=1)
    lines = whole.pages.done
    for at in (1, len(lines) // 3, len(lines) - 7):
        again = stage(at_once=1)
        again.pages.done = lines[:at]
        resumed = stage(at_once=1, pages=again.pages)
        same = search(resumed.ground, method, resumed.cut.judge, trials=5)
        assert same.best.prompt == found.best.prompt
        assert resumed.purse.made <= whole.purse.made + 1  # the one in flight counts twice
        answered = sum("end" in line for line in lines[:at])
        writes = sum(line.get("answer", {}).get("model") == "writer" for line in lines)
        assert len(resumed.asked) <= sum("end" in line for line in lines) - answered
        assert len(resumed.asked) + writes >= sum("end" in line for line in lines) - answered


def test_the_report_tells_every_candidate_the_budget_the_growth_and_the_gap(stage):
    made, found = done(stage)
    choice = choice_of(
        made.ground, made.cut, found, dataset="d@1", split="test", old="a@1", new="a@2"
    )
    assert len(choice.candidates) == len(made.ground.tried)
    assert choice.candidates[0].name == choice.beside == "a@1"
    assert choice.winner in choice.front
    assert choice.axes == ("score", "tokens")
    assert choice.from_dict(choice.to_dict()).front == choice.front
    told = " ".join(notes(made.ground, made.cut, found))
    assert "of 4000 calls were made" in told
    assert "times those before" in told
    assert "On the rows that chose the gain was" in told
    assert all(one.settings["prompt"]["settings"] == {} for one in choice.candidates)


def test_a_prompt_that_cannot_be_scored_at_all_ends_the_search(stage):
    def mute(_messages, **_settings):
        raise NothingMeasuredError(n=1, why="no")

    with pytest.raises(NothingMeasuredError, match="no score on any of 80 rows"):
        done(stage, mind=mute)


def test_rows_that_the_other_side_refuses_count_against_a_candidate_and_are_told(stage):
    from simulators.prompted import Coded

    mind = Coded()

    def strict(messages, **settings):
        if len(messages) > 2 and messages[-1]["content"].startswith(TOPICS[:2]):
            raise NothingMeasuredError(n=1, why="too long")
        return mind(messages, **settings)

    made, found = done(stage, mind=strict)
    assert found.judged.unmeasured > 0
    assert found.judged.after < 1
    assert "got no score with it and count as 0" in " ".join(notes(made.ground, made.cut, found))


def test_prompts_of_templates_are_searched_as_plain_ones_are(stage):
    prompt = Prompt(
        messages=(
            {"role": "system", "content": "Answer with a code."},
            {"role": "user", "content": "Üzenet: {{ input }}"},
        )
    )
    for method in ("few-shot", "nearest", "rewrite"):
        _, found = done(stage, method, prompt=prompt)
        assert found.judged.better
        assert found.best.prompt.render("请 退款")[-1]["content"] == "Üzenet: 请 退款"
        assert Prompt.from_bytes(found.best.prompt.to_bytes()) == found.best.prompt


def test_a_budget_that_lets_nothing_be_tried_is_refused_with_the_least_that_does():
    with pytest.raises(TooSmallBudgetError) as caught:
        check_budget(100, dev=80, judge_rows=120)
    assert str(least(80, 120)) in caught.value.advice
    check_budget(least(80, 120), dev=80, judge_rows=120)


def test_without_the_package_gepa_the_error_says_what_to_install(stage, monkeypatch):
    monkeypatch.setattr(reflective, "find_spec", lambda _name: None)
    with pytest.raises(GepaMissingError) as caught:
        done(stage, "gepa")
    assert "pip install 'volano[prompts]'" in caught.value.advice
