"""Live calls are drawn, looked at and told, over real records and a judge behind HTTP."""

import json
import random
import sqlite3

import pytest

from support.workspace import ANNA
from volano.core.errors import NotFoundError
from volano.evals.judges.calibration import Kept
from volano.monitor.evaluators import passages
from volano.monitor.evaluators.agreement import agreement
from volano.monitor.evaluators.errors import BadEvaluatorError, NothingToBackfillError
from volano.monitor.evaluators.evaluator import Evaluator, read
from volano.monitor.evaluators.looking import Again
from volano.traces.span import Span

JUDGED = [{"judge": {"judge": "helpful@1"}}]
CONTEXT = {
    "messages": [
        {"role": "tool", "content": "A csomag holnap érkezik Budapestre."},
        {"role": "user", "content": "Mikor jön?"},
    ]
}


def test_scores_are_feedback_of_a_judge_with_the_probability_and_a_metric_of_this_version(live):
    live.judge()
    live.add(scorers=JUDGED)
    [good] = live.call("Itt van. [good]")
    [bad] = live.call("Вот. [bad]")
    assert live.look() == 2
    said = {one.trace_id: one for one in live.said(name="quality.helpful")}
    assert {id_: one.value for id_, one in said.items()} == {good: 1.0, bad: 0.0}
    assert {
        (one.source, one.source_name, one.metric, one.probability) for one in said.values()
    } == {("judge", "evaluator quality@1", "quality.helpful@1", 1.0)}
    live.add(scorers=JUDGED, sample=0.999999)
    live.call("[good]")
    live.look()
    newest = live.said(name="quality.helpful")[0]
    assert (newest.metric, newest.probability) == ("quality.helpful@2", 0.999999)


def test_a_key_that_the_other_side_repeats_is_kept_in_no_reason(live):
    live.held.append("sk-proj-0123456789abcdef")
    live.again = Again(error="Incorrect API key: sk-proj-0123456789abcdef")
    live.add(consistency={"times": 1})
    [trace] = live.call()
    live.look()
    [why] = live.rows()[trace].unmeasured.values()
    assert why.endswith("Incorrect API key: ***")


def test_a_key_in_what_ends_a_look_is_not_shown_as_its_trouble(live):
    live.held.append("sk-proj-0123456789abcdef")
    live.judge()
    live.add(scorers=JUDGED)
    live.call()
    live.down = "the judge refuses sk-proj-0123456789abcdef"
    live.look()
    assert live.evaluators.status("quality")["trouble"] == "the judge refuses ***"


def test_what_is_drawn_hangs_on_the_trace_alone_and_its_share_is_the_probability():
    draw = random.Random(3)
    ids = [f"{draw.getrandbits(128):032x}" for _ in range(20_000)]
    tenth, fifth = (Evaluator("quality", sample=p, seed=5) for p in (0.1, 0.2))
    drawn = {one for one in ids if tenth.draws(one)}
    assert abs(len(drawn) / len(ids) - 0.1) < 4 * (0.09 / len(ids)) ** 0.5
    assert drawn <= {one for one in ids if fifth.draws(one)}
    other = {one for one in ids if Evaluator("quality", sample=0.1, seed=6).draws(one)}
    assert len(other & drawn) < len(drawn) / 4


def test_only_fitting_calls_are_looked_at_and_no_replay_and_no_copy(live):
    live.add(scorers=["length"], where="tag.plan = pro")
    [wanted] = live.call(tags={"plan": "pro"})
    live.call(tags={"plan": "free"})
    live.call(tags={"plan": "pro", "replay": "1" * 32})
    live.street.call(
        "support", "shadow", tags={"plan": "pro", "shadow": wanted}, door="openai.chat"
    )
    live.street.recorder.drain()
    live.look()
    assert [*live.rows()] == [wanted]
    assert live.evaluators.status("quality")["seen_today"] == 1


def test_calls_before_it_was_added_are_left_to_a_backfill(live):
    old = live.call(n=3)
    live.add(scorers=["length"])
    assert live.look() == 0
    live.evaluators.backfill("quality", since="1h", by=ANNA)
    assert live.look() == 3
    assert {*live.rows()} == {*old}
    assert live.evaluators.status("quality")["backfills"] == 0
    with pytest.raises(NothingToBackfillError):
        live.evaluators.backfill("quality", since="1h", until="2h", by=ANNA)


def test_nothing_is_scored_twice_whenever_it_is_killed(live, monkeypatch):
    live.judge()
    live.add(scorers=JUDGED)
    live.call(n=12)

    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    for place in ("voice", "tell", "passed"):
        with monkeypatch.context() as patch:
            if place == "voice":
                patch.setattr(live.watch, "_voice", die)
            else:
                patch.setattr(live.book, place, die)
            with pytest.raises(Killed):
                live.watch.once()
        live.restart()
    before = len(live.server.seen)
    live.look()
    live.look()
    said = live.said(name="quality.helpful")
    assert len(said) == len({one.id for one in said}) == len({one.trace_id for one in said}) == 12
    assert len(live.rows()) == 12
    assert live.evaluators.status("quality")["calls_today"] >= 12
    assert len(live.server.seen) - before <= 12
    assert all(row.told for row in live.rows().values())


@pytest.mark.parametrize("budget", [{"calls": 5}, {"calls": 10_000, "money": "0.01 EUR"}])
def test_a_day_never_costs_more_than_its_budget(live, budget):
    live.judge("judge,garbled=0.5")
    live.add(scorers=[*JUDGED, "length"], budget=budget)
    draw = random.Random(4)
    for day in range(3):
        before = len(live.server.seen)
        for at in range(4):
            live.call(f"[good] {day} {at}" + "é" * draw.randrange(3_000), n=4)
            live.look()
        status = live.evaluators.status("quality", last="1h")
        asked = len(live.server.seen) - before
        assert asked == status["calls_today"] <= budget["calls"]
        nano = live.book.today(live.book.get("quality")[0])["nano"]
        assert 0 <= nano <= 10_000_000 or "money" not in budget
        assert status["budget_ended"] > 0
        assert status["evaluated"] + status["budget_ended"] == 16
        live.clock.advance(86_400)
    lengths = live.said(name="quality.length")
    assert len(lengths) == 48  # what asks nobody is not cut by the budget


def test_what_the_budget_left_out_is_told_and_weighed(live):
    live.judge()
    live.add(scorers=JUDGED, budget={"calls": 6})
    live.clock.advance(3600 - live.clock.now_us() // 10**6 % 3600)
    live.call(n=10)
    live.look()
    found = live.score("helpful")
    assert (found.n, found.lost, found.dark) == (6, 4, 0)
    live.clock.advance(3600)
    live.call(n=10)
    live.look()
    found = live.score("helpful")
    assert (found.n, found.lost, found.dark) == (6, 14, 0.5)
    assert "a sample of 0.3 would last" in live.evaluators.status("quality")["advice"]


def test_a_judge_that_sleeps_loses_nothing_until_the_lag_is_over(live):
    live.judge()
    live.add(scorers=JUDGED, lag="1h")
    first = live.call(n=2)
    live.down = True
    live.look()
    assert live.evaluators.status("quality")["trouble"] == "the judge is asleep"
    assert live.evaluators.status("quality")["backlog"] == 2
    live.down = False
    live.clock.advance(60)
    live.look()
    assert {row.state for row in live.rows().values()} == {"scored"}
    live.down = True
    live.call(n=1)
    live.look()
    live.clock.advance(7200)
    live.down = False
    live.look()
    states = {id_: row.state for id_, row in live.rows().items()}
    assert [states[one] for one in first] == ["scored", "scored"]
    assert [*states.values()].count("late") == 1


def test_clocks_that_jump_neither_stop_it_nor_spend_twice(live):
    live.judge()
    live.add(scorers=JUDGED, budget={"calls": 3}, wait="10s")
    live.call(n=2)
    assert live.look() == 0  # too young: spans may be on their way
    live.clock.set(-3 * 86_400)
    assert live.look() == 2
    assert all(one.at_us <= live.clock.now_us() for one in live.said())
    live.clock.set(3 * 86_400)
    live.call(n=4)
    live.clock.advance(11)
    live.look()
    assert live.evaluators.status("quality")["calls_today"] == 3


def test_failed_calls_refusing_judges_and_broken_scorers_are_states(live):
    live.judge("judge,refuse=1")
    live.add(
        scorers=[
            *JUDGED,
            {"judge": {"judge": "helpful@1", "reference": True, "as": "so"}},
            "support",
        ]
    )
    live.call()
    live.call(outcome="error", status=500)
    live.look()
    status = live.evaluators.status("quality")
    assert (status["evaluated"], status["failed"]) == (1, 1)
    assert any("refused" in why for why in status["unmeasured"])
    assert "nothing was retrieved that it could rest on" in status["unmeasured"]
    assert live.score("support").value is None


def test_a_model_without_a_price_is_not_asked_within_a_budget_of_money(live):
    live.judge()
    live.price = None
    live.add(scorers=JUDGED, budget={"money": "1 EUR"})
    live.call()
    before = len(live.server.seen)
    live.look()
    assert len(live.server.seen) == before
    assert any("no price" in why for why in live.evaluators.status("quality")["unmeasured"])


def test_support_rests_on_what_was_retrieved(live):
    live.add(scorers=["support", "citation_support"])
    [borne] = live.call("A csomag holnap érkezik Budapestre.", asked=CONTEXT)
    [half] = live.call(
        "A csomag holnap érkezik Budapestre. Ingyen pezsgő is jár hozzá.", asked=CONTEXT
    )
    live.look()
    rows = live.rows()
    assert (rows[borne].scores["support"], rows[half].scores["support"]) == (1.0, 0.5)
    assert {one.source for one in live.said(name="quality.support")} == {"program"}


def test_a_judge_says_of_each_sentence_whether_it_is_borne(live):
    live.judge()
    live.add(scorers=[{"support": {"judge": "helpful@1"}}])
    [one] = live.call("Ez igaz [good]. Das nicht [bad].", asked=CONTEXT)
    live.look()
    assert live.rows()[one].scores["support"] == 0.5
    assert {said.source for said in live.said(name="quality.support")} == {"judge"}


def test_the_same_release_is_asked_again_and_its_cost_is_kept(live):
    live.add(scorers=[], consistency={"times": 2}, budget={"calls": 4, "money": "1 EUR"})
    live.again = Again("A VÁLASZ", 20, 10)
    ids = live.call("a válasz", n=3)
    live.look()
    rows = live.rows()
    assert live.asked_again == 4
    assert [rows[one].state for one in ids].count("budget") == 1
    scored = [row for row in rows.values() if row.state == "scored"]
    assert {row.scores["self_consistency"] for row in scored} == {1.0}
    assert {(row.calls, row.nano, row.currency) for row in scored} == {(2, 80_000, "EUR")}
    live.again = Again(error="no channel serves it")
    live.clock.advance(86_400)
    live.call("a válasz")
    live.look()
    assert any("no channel" in why for why in live.evaluators.status("quality")["unmeasured"])


def test_a_call_that_cannot_be_asked_again_gives_back_what_was_held_for_the_others(live):
    live.add(scorers=[], consistency={"times": 5}, budget={"calls": 50, "money": "1 EUR"})
    live.again = Again(error="no channel serves it")
    live.call("a válasz", n=3)
    live.look()
    assert live.asked_again == 3
    assert live.evaluators.status("quality")["calls_today"] == 3


def test_agreement_is_of_words_of_nearness_or_of_fields():
    assert agreement(["Ja", "ja!", "nein"], "exact") == pytest.approx(1 / 3)
    assert 0.5 < agreement(["我的订单在哪里", "我的订单在这里"], "near") < 1
    assert agreement(['{"a": 1, "b": 2}', '{"b": 3, "a": 1}'], "fields") == 0.5
    assert agreement(["[" * 10_000, "{}"], "fields") == 0.0


def test_a_slice_that_is_worse_is_found_and_small_ones_are_not_enough(live):
    live.judge()
    live.add(scorers=JUDGED, by=["language", "tag.plan"], budget={"calls": 1000}, cluster="call")
    draw = random.Random(5)
    for at in range(160):
        plan = "pro" if at % 4 == 0 else "free"
        good = draw.random() < (0.45 if plan == "pro" else 0.9)
        live.call(f"{at} [{'good' if good else 'bad'}]", tags={"plan": plan})
    live.call("[good]", question="我的订单在哪里？", tags={"plan": "free"})
    live.look()
    found = live.score("helpful")
    worse = {(one["slice"], one["value_of"]) for one in found.by if one["worse"]}
    assert worse == {("tag.plan", "pro")}
    small = [one for one in found.by if one["slice"] == "language" and one["n"] < 20]
    assert small
    assert not any(one["enough"] or one["p"] is not None for one in small)
    assert [one["score"] for one in found.worst] == [0.0] * 10
    assert (
        found.poor["low"]
        <= found.poor["calls"]
        == sum(row.scores["helpful"] == 0 for row in live.rows().values())
    )
    assert found.low < found.value < found.high


def test_calls_that_did_not_refuse_are_not_the_poor_ones(live):
    """Of a score of which less is better, those above one half are."""
    live.add(scorers=["refusal"], budget={"calls": 1000}, cluster="call")
    for at in range(30):
        live.call("С этим я помочь не могу." if at < 6 else f"готово {at}")
    live.look()
    found = live.score("refusal")
    assert (found.value, found.poor["calls"]) == (0.2, 6)


def test_where_the_judge_was_checked_people_are_believed_rather(live, monkeypatch):
    live.judge("judge,sp=0.5")  # calls half of the bad ones good
    live.add(scorers=JUDGED, budget={"calls": 2000}, cluster="call")
    draw = random.Random(6)
    truth = [draw.random() < 0.6 for _ in range(300)]
    for at, good in enumerate(truth):
        live.call(f"{at} [{'good' if good else 'bad'}]")
    live.look()
    assert live.score("helpful").corrected["value"] is None  # nobody checked it yet
    rows = []
    for at in range(200):
        good = float(draw.random() < 0.6)
        judged = good or float(draw.random() < 0.5)
        rows.append(Kept(f"p{at}", {"helpful": good}, {"helpful": judged}, {}, 9))
    show = live.judges.show
    standing = {"check": "helpful-check@1", "trusted": False, "told": ""}
    monkeypatch.setattr(live.judges, "show", lambda ref: {**show(ref), "standing": standing})
    monkeypatch.setattr(live.judges, "labelled", lambda _check: rows)
    found = live.score("helpful")
    assert found.value > 0.75
    assert found.corrected["low"] <= sum(truth) / 300 <= found.corrected["high"]
    assert found.corrected["value"] < found.value - 0.1


def test_a_paused_one_looks_at_nothing_and_a_removed_one_is_gone(live):
    live.add(scorers=["length"])
    live.evaluators.pause("quality", by=ANNA)
    live.call()
    assert live.look() == 0
    live.evaluators.resume("quality", by=ANNA)
    assert live.look() == 0
    live.call()
    assert live.look() == 1
    live.evaluators.remove("quality", by=ANNA)
    live.call()
    assert live.look() == 0
    with pytest.raises(NotFoundError):
        live.evaluators.status("quality")
    assert live.add(scorers=["length"]).version == 2


def test_a_trace_of_several_calls_is_scored_once(live):
    live.add(scorers=["length"])
    live.call(id="a" * 32, span_id="1" * 16)
    live.call(id="a" * 32, span_id="2" * 16)
    live.look()
    live.call(id="a" * 32, span_id="3" * 16)
    live.look()
    assert len(live.said(name="quality.length")) == 1


@pytest.mark.parametrize("live", ["postgres"], indirect=True)
def test_it_goes_on_postgres_too(live):
    live.judge()
    live.add(scorers=JUDGED, budget={"money": "1 EUR"})
    live.call(n=3)
    live.look()
    assert live.score("helpful").n == 3


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ("[1]", "the file"), ("name: Q", "name"), ("name: q\nsample: 0", "sample"),
        ("name: q\nsample: true", "sample"), ("name: q\nwhere: 'channel ='", "where"),
        ("name: q\nscorers: [exact_match]", "scorers"), ("name: q\nscorers: [nope]", "scorers"),
        ("name: q\nscorers: []", "scorers"), ("name: q\nscorers: [length]\nlag: 1s", "lag"),
        ("name: q\nscorers: [length]\nbudget: {money: much}", "budget.money"),
        ("name: q\nscorers: [length]\nby: [shoe]", "by"), ("nome: q", "nome"), ("a: &a [*a]", "file"),
        ("name: q\nscorers: [{python: 'x.py:f'}]", "scorers"), ("{" * 5000, "the file"),
        ("name: q\nscorers: [length]\nconsistency: {times: 99}", "consistency.times"),
    ],
)  # fmt: skip
def test_a_wrong_part_is_named(said, part):
    with pytest.raises(BadEvaluatorError) as told:
        read(said)
    assert part in told.value.message


def test_the_same_text_again_is_the_same_version_with_the_same_seed(live):
    said = {"name": "quality", "scorers": ["length"]}
    first = live.evaluators.add(text=json.dumps(said), by=ANNA)
    assert live.evaluators.add(text=json.dumps(said), by=ANNA) == first
    other = live.evaluators.add(text=json.dumps({**said, "sample": 0.5}), by=ANNA)
    assert (other.version, other.seed) == (2, first.seed)


def span(**more):
    blank = dict.fromkeys(Span.__match_args__, None)
    return Span(**{**blank, "kind": "retriever", "output_text": "", **more})


def test_documents_of_spans_and_messages_are_read_however_they_are_told():
    openinference = {
        "attributes": {
            "retrieval.documents.1.document.content": "zwei",
            "retrieval.documents.0.document.content": "eins",
        }
    }
    assert passages.of_span(span(), openinference) == ["eins", "zwei"]
    listed = json.dumps([{"page_content": "один"}, {"document": {"content": "два"}}])
    assert passages.of_span(span(output_text=listed), {}) == ["один", "два"]
    assert passages.of_span(span(kind="llm", output_text="x"), {}) == []
    asked = {
        "system": "Antworte aus <context>来源一</context>",
        "messages": [
            {"role": "user", "content": [{"type": "tool_result", "content": "二"}]},
            {"role": "user", "content": [{"type": "document", "source": {"data": "három"}}]},
            "no message", None,
        ],
    }  # fmt: skip
    assert passages.of_request(asked) == ["二", "három", "来源一"]
    assert passages.of_request(["hostile"]) == passages.of_request({"messages": 7}) == []


def test_feedback_of_an_older_volano_is_read_and_gets_the_column(live):
    live.add(scorers=["length"])
    with sqlite3.connect(live.street.hot_path) as conn:
        columns = {row[1] for row in conn.execute("PRAGMA table_info(feedback)")}
    live.call()
    live.look()
    assert live.said()[0].probability == 1.0
    assert not columns or "probability" in columns
