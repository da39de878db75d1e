"""Answers that people praised in life become examples: of train rows only, and of nobody's complaint."""

import json

import pytest

from simulators.prompted import CODE, Coded, Provider, rows, topic_in
from support.improving import fill, furnish
from support.workspace import ANNA, Street
from volano.core.principal import Principal
from volano.data.row import rows_of
from volano.evals.wording.errors import NoPraiseError
from volano.evals.wording.praised import Liked, praise, praised
from volano.evals.wording.rows import cut

BOT = Principal("service", "bot")
TRAIN, _ = rows_of([{"text": f"Où est le colis {n}?", "label": "a"} for n in range(6)])


@pytest.fixture
def street(desk):
    made = Street(desk)
    desk.serve("support")
    yield made
    made.close()


def asked(street, text, answer, *values, by=ANNA, **more):
    request = json.dumps({"messages": [{"role": "user", "content": text}]}).encode()
    said = json.dumps({"choices": [{"message": {"role": "assistant", "content": answer}}]}).encode()
    street.workspace.clock.advance(1)
    trace = street.call("support", "stable", request=request, response=said, **more)
    for value in values:
        street.feedbacks.add(trace, value=value, by=by)
    street.recorder.drain()
    return trace


def found(street, metric=None):
    return praised(street.feedbacks, street.traces, TRAIN, metric)


def test_a_praised_answer_to_a_train_question_is_found_whatever_its_spelling(street):
    trace = asked(street, "OÙ  est le colis 1?", "Là-bas.", 1)
    assert found(street) == {TRAIN[1].id: Liked("Là-bas.", trace)}
    newer = asked(street, "Où est le colis 1?", "Ici.", 1, 1)
    asked(street, "Où est le colis 1?", "Nulle part.")
    assert found(street) == {TRAIN[1].id: Liked("Ici.", newer)}


@pytest.mark.parametrize(
    ("text", "answer", "values", "more"),
    [
        ("A question of nobody", "Yes.", [1], {}), (TRAIN[0].text, "Bad.", [0], {}),
        (TRAIN[0].text, "Half.", [1, 0], {}), (TRAIN[0].text, "Nearly.", [0.9], {}),
        (TRAIN[0].text, "{{ input }}", [1], {}), (TRAIN[0].text, " ", [1], {}),
        (TRAIN[0].text, "Late.", [1], {"outcome": "timeout"}), (TRAIN[0].text, "Silent.", [], {}),
    ],
)  # fmt: skip
def test_what_is_no_example_is_left_out(street, text, answer, values, more):
    asked(street, text, answer, *values, **more)
    assert found(street) == {}


def test_a_correction_or_another_metric_is_no_praise(street):
    trace = asked(street, TRAIN[2].text, "So.", 1)
    assert found(street, "other") == {}
    assert found(street, "correct")
    street.feedbacks.add(trace, name="fixed", correction="Not so.", by=BOT)
    street.recorder.drain()
    assert found(street) == found(street, "correct") == {}


def test_a_search_learns_from_traffic_and_never_from_a_row_that_chooses_or_judges(desk):
    provider, street = Provider({"coded": Coded()}), Street(desk)
    furnish(desk)
    desk.improver._praise = praise(street.feedbacks, street.traces)
    train, test = rows(160), rows(60, 1, start=900)
    fill(desk, provider.url, train, test)
    desk.serve("support")
    ask = {"data": "mail", "model": "coded", "budget_calls": 900, "trials": 6,
           "method": "recorded", "by": ANNA}  # fmt: skip
    with pytest.raises(NoPraiseError, match="0 rows to learn from"):
        desk.improver.improve("sort", **ask)
    for row in [*train, *test]:
        asked(street, row["text"], f"{CODE[topic_in(row['text'])]}", 1)
    desk.runs.launch()
    done = desk.runs.wait(desk.improver.improve("sort", **ask).id, 100)
    assert done.outputs.get("ref") == "sort@2", done
    made = desk.prompts.get("sort@2")
    searched = made.manifest.meta["searched"]
    assert "praised answers" in searched["how"]
    sides = cut(*(desk.datasets.rows("mail", s, by=ANNA) for s in ("train", "test")),
                ref="mail", split="test", seed=0)  # fmt: skip
    kept = street.traces.by_ids(searched["traces"])
    shown = {one["content"] for one in desk.prompts.read(made).before}
    assert {one.input_text for one in kept.values()} == shown & {row.text for row in sides.learn}
    assert kept
    assert not shown & {row.text for row in (*sides.dev, *sides.judge)}
    desk.runs.close()
    street.close()
    provider.close()
