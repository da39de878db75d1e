import json

import pytest

from volano.core.errors import InvalidError, NotFoundError, UnavailableError
from volano.core.manifest import Parent
from volano.core.plugins import UnknownPluginError
from volano.core.ports.chat import Answer
from volano.evals import errors, rivals
from volano.evals.told import text

LABELS = [{"queue": "refund" if n % 3 else "billing", "ref": str(n)} for n in range(12)]
ROWS = [{"text": f"Jegy {n} {{text}} 订单", "label": label} for n, label in enumerate(LABELS)]
BY_TEXT = {row["text"]: json.dumps(row["label"]) for row in ROWS}


class Knows:
    """Knows all answers but those to some rows; counts what it was asked."""

    def __init__(self, *, not_row=(), away_after=10**9):
        self.not_row, self.away_after, self.asked = not_row, away_after, 0

    def __call__(self, messages, **settings):
        self.asked += 1
        if self.asked > self.away_after:
            raise UnavailableError
        text = messages[-1]["content"].removeprefix("Ticket: ")
        wrong = any(text == ROWS[n]["text"] for n in self.not_row)
        return Answer("no idea" if wrong else BY_TEXT[text], "length" if wrong else "stop")


@pytest.fixture
def dataset(datasets, anna):
    return datasets.add("jegyek", ROWS[:2], test=ROWS[2:], by=anna)


@pytest.fixture
def evaluate(evals, dataset, model, tmp_path, anna):
    def run(chat, journal="j", **more):
        return evals.evaluate(
            "jegyek", chat=chat, subject=model, journal=tmp_path / journal, by=anna, **more
        )

    return run


def test_a_report_keeps_scores_answers_and_lineage(evaluate, evals, dataset, model, catalog):
    made = evaluate(Knows(not_row=(3, 4)))
    report = evals.report(made.ref)
    assert made.ref == "router-on-jegyek@1"
    assert {(p.role, p.digest) for p in made.manifest.parents} == {
        ("subject", model.digest), ("dataset", dataset.digest),
    }  # fmt: skip
    assert (report.subject, report.dataset, report.n) == ("model/router@1", "jegyek@1", 10)
    assert {score.name: score.value for score in report.scores} == {
        "exact_match": 0.8, "valid_json": 0.8,
        "field_accuracy/queue": 0.8, "field_accuracy/ref": 0.8,
    }  # fmt: skip
    assert report.cut == 2
    assert {score.name for score in report.baseline} == {
        "exact_match", "field_accuracy/queue", "field_accuracy/ref",
    }  # fmt: skip
    answers = evals.answers(made.ref)
    assert [one["answer"] for one in answers].count("no idea") == 2
    assert made.manifest.meta["scores"] == json.loads(json.dumps(report.to_dict()["scores"]))
    assert "exact_match" in report.to_text()
    assert evals.list()[0] == made


def test_a_row_that_is_refused_is_unmeasured_and_no_zero(evaluate, evals):
    class Refuses(Knows):
        def __call__(self, messages, **settings):
            if messages[-1]["content"] == ROWS[5]["text"]:
                raise InvalidError("Zu lang.")
            return super().__call__(messages, **settings)

    report = evals.report(evaluate(Refuses(not_row=(3,))).ref)
    score = report.score("exact_match")
    assert (score.n, report.n, report.failed) == (9, 10, 1)
    assert score.value == pytest.approx(8 / 9)
    assert report.summary.unmeasured["exact_match"] == {"no answer: invalid: Zu lang.": 1}
    assert "1 of 10 answers are errors" in report.to_text()


def test_prompts_come_from_a_template_or_a_function(evaluate):
    assert evaluate(Knows(), prompt_template="Ticket: {text}")

    def render(text):
        return [{"role": "system", "content": "s"}, {"role": "user", "content": text}]

    assert evaluate(Knows(), "other", render=render)


def test_a_killed_evaluation_goes_on_where_it_was(evaluate, evals):
    with pytest.raises(UnavailableError):
        evaluate(Knows(away_after=4), concurrency=1)
    assert evals.list() == []
    chat = Knows()
    evaluate(chat, concurrency=1)
    assert chat.asked == 6


def test_once_more_with_the_same_journal_is_the_same_report(evaluate):
    chat = Knows()
    assert evaluate(chat) == evaluate(chat)
    assert chat.asked == 10


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"settings": {"temperature": 1}}, "settings"), ({"split": "train"}, "split"),
        ({"prompt_template": "Ticket: {text}"}, "questions"),
    ],
)  # fmt: skip
def test_a_journal_of_other_questions_is_refused(evaluate, change, what):
    evaluate(Knows())
    with pytest.raises(errors.JournalMismatchError, match=what):
        evaluate(Knows(), **change)


def test_two_reports_on_the_same_rows_are_compared_in_pairs(evaluate, evals):
    first = evaluate(Knows(not_row=(3, 4, 5)), "j1")
    second = evaluate(Knows(not_row=(5, 6)), "j2")
    found = evals.compare(first.ref, second.ref)
    assert found["n"] == 10
    assert found["a"] == {"report": "router-on-jegyek@1", "subject": "model/router@1"}
    by_name = {score["name"]: score for score in found["scores"]}
    exact = by_name["exact_match"]
    assert (exact["better"], exact["worse"], exact["verdict"]) == (2, 1, "undecided")
    assert exact["difference"] == pytest.approx(0.1)
    assert len(found["broken"]) == 1
    assert "2 better, 1 worse: undecided" in text(found)


def test_the_test_rows_of_a_curated_version_are_the_same_rows(evaluate, evals, datasets, anna):
    first = evaluate(Knows(not_row=(3,)), "j1")
    extra = {"trace_id": "t", "text": "új", "label": LABELS[0], "feedback_id": "f"}
    assert datasets.curate("jegyek", "jegyek@1", [extra], by=anna).ref == "jegyek@2"
    second = evaluate(Knows(), "j2")
    assert evals.compare(first.ref, second.ref)["n"] == 10


def test_rows_of_one_report_only_are_left_out_and_told(evaluate, evals):
    first, second = evaluate(Knows(), "j1"), evaluate(Knows(), "j2", limit=4)
    found = evals.compare(first.ref, second.ref)
    assert found["dropped"]["only_a"] == 6
    assert found["n"] == found["scores"][0]["n"]


def test_what_cannot_be_evaluated_is_said_before_anything_is_asked(evaluate, datasets, evals, anna):
    chat = Knows()
    with pytest.raises(UnknownPluginError):
        evaluate(chat, scorers=["no_such"])
    with pytest.raises(NotFoundError):
        evaluate(chat, split="dev")
    with pytest.raises(errors.NoTestRowsError):
        evaluate(chat, limit=0)
    assert chat.asked == 0


def test_a_report_that_is_none_is_named(catalog, evals, anna):
    catalog.record(
        "report", "odd", files={"report.json": b'{"format": 9}', "answers.jsonl": b"{"}, by=anna
    )
    with pytest.raises(errors.BadReportError, match="odd@1"):
        evals.report("odd")
    with pytest.raises(errors.BadReportError, match="odd@1"):
        evals.answers("odd")


def test_the_speed_of_a_rival_is_that_of_its_answers(catalog, model, anna):
    meta = {"format": "gguf", "metrics": {"tokens_per_s": 76394.2, "cost": 3}}
    own = catalog.record("model", "fast", files={"model.gguf": b"x"}, meta=meta, by=anna)
    said = [{"latency_us": 10_000, "completion_tokens": 20}] * 3
    found = rivals.facts(catalog, own, model, said)
    assert (found["speed"], found["cost"]) == ({"tokens_per_s": 2000.0}, None)


def test_two_models_are_compared_by_their_newest_reports_on_the_same_rows(
    evals, catalog, datasets, dataset, model, tmp_path, anna
):
    meta = {"format": "gguf", "parameters": 6, "metrics": {"tokens_per_s": 900.0}}
    files = {"model.gguf": b"tiny", "model.safetensors": b"what tuning reads"}
    small = catalog.record("model", "small", files=files, meta=meta, by=anna)
    flow = catalog.record(
        "flow", "support", files={}, parents=[Parent("model", small.digest)], by=anna
    )

    def measure(subject, journal, *wrong):
        return evals.evaluate(
            dataset.ref, chat=Knows(not_row=wrong), subject=subject, journal=tmp_path / journal,
            by=anna,
        )  # fmt: skip

    with pytest.raises(errors.NotMeasuredError, match="router@1` and `small@1"):
        evals.compare_models("router", "small")
    measure(model, "a", 3, 4, 5)
    newest = measure(model, "b", 3)
    measure(flow, "c", 4, 5)
    found = evals.compare_models("router", "small", data="jegyek")
    assert (found["a"]["report"], found["a"]["model"]) == (newest.ref, "router@1")
    assert found["b"]["subject"] == "flow/support@1"
    assert (found["a"]["bytes"], found["b"]["bytes"], found["b"]["parameters"]) == (7, 4, 6)
    assert found["a"]["speed"] is found["b"]["speed"] is None, "how fast it learned is no answer"
    assert found["b"]["cost"] is None
    waits = sorted(one["latency_us"] for one in evals.answers(newest.ref))
    assert found["a"]["latency_us"] == waits[len(waits) // 2]
    tuned = catalog.record(
        "model", "tuned", files={"adapter.gguf": b"ab", "card.json": b"{}"}, by=anna,
        meta={"format": "adapter"}, parents=[Parent("base", small.digest)],
    )  # fmt: skip
    assert rivals.loaded(catalog, tuned) == 2 + 4, "an adapter is loaded with its base"
    lost = [evals.answers(newest.ref)[n]["id"] for n in (2, 3)]
    flips = {"score": "exact_match", "negative": 2, "positive": 1, "critical": 0, "rows": lost}
    assert found["flips"] == flips
    assert found["scores"][0]["difference"] == pytest.approx(-0.1)
    datasets.add("other", ROWS[:2], test=ROWS[2:4], by=anna)
    with pytest.raises(errors.NotMeasuredError, match="other@1"):
        evals.compare_models("router", "small", data="other")
