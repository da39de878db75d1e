"""Rows that a model makes: marked, within a budget, and paid for once."""

import json
import threading

import pytest

from support.chatting import KEY, chatting
from support.stepping import FIVE
from volano.data.errors import BadStepError
from volano.data.made import asker
from volano.data.made.errors import AnswersBusyError, GatewayRefusedError, NoKeyError
from volano.data.recipe.cache import Cache
from volano.data.recipe.collect import Limits
from volano.data.recipe.engine import Engine, Input
from volano.data.sources import open_source
from volano.data.steps.generate import Generate


@pytest.fixture
def gateway(monkeypatch):
    monkeypatch.setenv("VOLANO_KEY", KEY)
    monkeypatch.setattr(asker, "_FIRST_WAIT_S", 0.0)
    with chatting() as made:
        yield made


@pytest.fixture
def make(gateway, tmp_path):
    """Runs the step over rows in shards of four, with a cache and answers that stay."""

    def run(rows, fresh=False, **given):
        step = Generate(
            **{"channel": "router", "prompt": "{{ text }}", "address": gateway.address, **given}
        )
        rows = [{"text": row} if isinstance(row, str) else row for row in rows]
        cache = Cache(tmp_path / "cache")
        if fresh:
            cache.clear()
        engine = Engine(cache, limits=Limits(rows=4, size=10_000), kept=tmp_path / "answers")
        prepared = engine.run([Input("toys", lambda: open_source({"rows": rows}))], [step])
        run.rejected = list(engine.rejected(prepared))
        run.counts = prepared.steps[1]
        return list(engine.rows(prepared))

    return run


def test_each_row_brings_new_ones_that_say_what_made_them(make, gateway):
    rows = make(FIVE.values(), prompt="{{ variant }} {{ text }}", system="Kurz.", variants=2)
    assert len(rows) == 15
    old, first, second = rows[:3]
    assert (old["text"], "made_by" in old) == (FIVE["hu"], False)
    assert [first["text"], second["text"]] == [f"{n} {FIVE['hu']}".upper() for n in (1, 2)]
    step = Generate(channel="x", prompt="{{ variant }} {{ text }}", system="Kurz.")
    assert first["made_by"] == {
        "channel": "router", "release": "router@1", "prompt": step.prompt_digest,
    }  # fmt: skip
    trace = first["origin"]["trace"]
    assert trace.startswith("t")
    assert first["origin"] == {"source": "channel router", "trace": trace, "variant": 1,
                               "from": old["origin"]}  # fmt: skip
    assert gateway.bodies[0]["messages"][0] == {"role": "system", "content": "Kurz."}
    assert gateway.bodies[0]["model"] == "router"


def test_a_column_is_made_and_what_made_the_row_before_is_not_forgotten(make):
    rows = make([{"text": "egy", "made_by": {"channel": "old"}}], make="column", into="summary")
    assert (rows[0]["text"], rows[0]["summary"]) == ("egy", "EGY")
    assert rows[0]["made_by"]["column"] == "summary"
    assert rows[0]["made_by"]["from"] == {"channel": "old"}


def test_nothing_is_paid_for_twice(make, gateway):
    texts = [f"szöveg {n}" for n in range(10)]
    first = make(texts)
    assert len(gateway.asked) == 10
    assert make(texts, fresh=True) == first
    assert make([*texts, "új", "új"], fresh=True)[:20] == first
    assert sorted(gateway.asked[10:]) == ["új"]
    make(texts, seed=1)
    assert len(gateway.asked) == 21


def test_new_rows_alone_and_a_share_of_the_rows_by_their_content(make, gateway):
    texts = [f"szöveg {n}" for n in range(200)]
    made = make(texts, originals=False, share=0.25)
    chosen = {row["text"] for row in made} - set(texts)
    assert 25 < len(chosen) < 75
    assert len(made) == len(chosen) == len(gateway.asked)
    rest = make(texts[50:], originals=False, share=0.25)
    assert {row["text"] for row in rest} <= chosen
    assert gateway.most <= 8


SCHEMA = {
    "type": "object", "required": ["text", "label"], "additionalProperties": False,
    "properties": {"text": {"type": "string", "minLength": 1}, "label": {"enum": ["a", "b"]}},
}  # fmt: skip


def test_answers_must_fit_the_schema_and_others_are_set_aside(make, gateway):
    said = {
        "good": '{"text": "új", "label": "a"}', "other": '{"text": "új", "label": "c"}',
        "more": '{"text": "új", "label": "a", "id": 1}', "fence": "```json\n{}\n```",
        "nan": '{"text": "x", "label": NaN}', "deep": "[" * 100_000, "cut": ["{", "length"],
        "empty": " ", "none": None,
    }  # fmt: skip
    gateway.act = said.get
    rows = make([{"text": text, "n": 1} for text in said], schema=SCHEMA, enforce=True)
    assert [row["text"] for row in rows] == ["good", "új", *list(said)[1:]]
    assert (rows[1]["label"], rows[1]["n"]) == ("a", 1)
    assert {one["reason"] for one in make.rejected} == {"the answer does not fit"}
    assert len(make.rejected) == 8
    assert make.rejected[0]["row"]["answer"] == said["other"]
    assert "label is none of those" in make.rejected[0]["detail"]
    assert gateway.bodies[0]["response_format"]["json_schema"]["schema"] == SCHEMA


def test_a_list_of_objects_makes_as_many_rows(make, gateway):
    gateway.act = lambda _: json.dumps([{"text": "一"}, {"text": "два"}])
    schema = {"type": "array", "items": {"type": "object", "properties": {"text": {}}}}
    assert [row["text"] for row in make(["x"], schema=schema)] == ["x", "一", "два"]
    gateway.act = lambda _: '{"text": "x", "origin": 3}'
    assert [row["text"] for row in make(["y"], schema={"type": "object"})] == ["y"]
    assert "volano's own" in make.rejected[0]["detail"]


def test_it_stops_at_the_budget_and_the_rest_goes_on(make, gateway):
    texts = [f"szöveg {n}" for n in range(20)]
    rows = make(texts, max_calls=5)
    assert (len(rows), len(gateway.asked)) == (25, 5)
    assert make.counts.changed == {"made": 5, "not made: max_calls reached": 15}
    assert make(texts, max_calls=5, fresh=True) == rows
    assert len(gateway.asked) == 5
    rows = make(texts, max_calls=7)
    assert (len(rows), len(gateway.asked)) == (27, 7)


@pytest.mark.parametrize(
    "limit",
    [{"max_spent_tokens": 100}, {"max_cost": 0.001, "input_price": 5, "output_price": 15}],
)
def test_tokens_and_money_are_counted_in_the_order_of_the_rows(limit, make, gateway):
    texts = [f"szöveg {n}" for n in range(20)]
    rows = make(texts, **limit)
    assert (len(rows), len(gateway.asked)) == (25, 5)
    make(texts)
    assert make(texts, fresh=True, **limit) == rows


def test_come_later_is_heard_a_bounded_number_of_times(make, gateway):
    left = {"busy": 2, "broken": 3, "dead": 99, "bad": 99}
    said = {
        "busy": (429, {"retry-after": "0"}, {"code": "too_many", "message": "later"}),
        "broken": (503, {"retry-after": "0"}, {}), "dead": (500, {}, {"message": "kaputt"}),
        "bad": (400, {}, {"code": "bad", "message": "too long"}),
    }  # fmt: skip

    def act(text):
        left[text] = left.get(text, 0) - 1
        return said[text] if left[text] >= 0 else text.upper()

    gateway.act = act
    texts = ["busy", "broken", "dead", "bad", "fine"]
    rows = make(texts, retries=3, originals=False)
    assert [row["text"] for row in rows] == ["BUSY", "BROKEN", "FINE"]
    assert make.counts.changed == {
        "made": 3, "not made: status 500": 1, "not made: refused (400)": 1,
    }  # fmt: skip
    assert [gateway.asked.count(text) for text in texts] == [3, 4, 4, 1, 1]
    left["dead"] = 0  # who may answer later is asked again, the others are not
    rows = make(texts, retries=3, originals=False)
    assert [row["text"] for row in rows] == ["BUSY", "BROKEN", "DEAD", "FINE"]
    assert [gateway.asked.count(text) for text in texts] == [3, 4, 5, 2, 1]
    make(texts, retries=3, originals=False)
    assert len(gateway.asked) == 15


def test_the_gateways_budget_and_a_gateway_that_is_gone_end_the_asking(make, gateway):
    texts = [f"szöveg {n}" for n in range(100)]
    gateway.act = lambda _: (429, {"x-should-retry": "false"}, {"code": "budget_spent"})
    assert len(make(texts, concurrency=2)) == 100
    assert make.counts.changed == {"not made: the gateway's budget is spent": 100}
    assert len(gateway.asked) < 20
    gateway.act = lambda _: (500, {}, {})
    make(texts, concurrency=2, retries=0)
    assert make.counts.changed["not made: the gateway does not answer"] > 60
    gateway.act = str.upper
    assert len(make(texts)) == 200


def test_rows_without_an_answer_are_dropped_or_end_the_run(make, gateway):
    gateway.act = lambda text: (400, {}, {"message": "nein"}) if text == "b" else text
    assert [row["text"] for row in make("abc", make="column", unmade="drop")] == ["a", "c"]
    assert make.rejected[0]["reason"] == "not made: refused (400)"
    with pytest.raises(BadStepError, match="nein"):
        make("abc", unmade="fail")
    rows = make([{"text": "a"}, {"other": 1}], make="column", seed=2)
    assert [row.get("answer") for row in rows] == ["a", None]
    assert make.counts.changed == {"made": 1, "not made: no prompt": 1}


def test_without_a_key_or_a_channel_nothing_is_made(make, monkeypatch, tmp_path):
    monkeypatch.setenv("VOLANO_KEY", "vk_other")
    with pytest.raises(GatewayRefusedError, match="No such key"):
        make(["a"])
    monkeypatch.delenv("VOLANO_KEY")
    with pytest.raises(NoKeyError, match="VOLANO_KEY"):
        make(["a"])
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    assert len(make(["a"], key_file=str(file))) == 2


def test_only_one_asks_the_same_at_a_time(make, gateway, tmp_path):
    step = Generate(channel="router", prompt="{{ text }}", address=gateway.address)
    entered, leave = threading.Event(), threading.Event()

    def act(text):
        entered.set()
        leave.wait(20)
        return text

    gateway.act = act
    first = threading.Thread(target=lambda: make(["a"]))
    first.start()
    try:
        assert entered.wait(20)
        with pytest.raises(AnswersBusyError):
            folder = tmp_path / "again"
            folder.mkdir()
            step.survey(iter([{"text": "a"}]), folder)
            step.decide([folder], folder, tmp_path / "answers")
    finally:
        leave.set()
        first.join()
    assert gateway.asked == ["a"]


def test_how_it_is_reached_is_not_what_it_does():
    one = Generate(channel="c", prompt="p", concurrency=1, address="http://a")
    assert one.known_by() == Generate(channel="c", prompt="p", retries=9).known_by()
    assert one.known_by() != Generate(channel="d", prompt="p").known_by()


@pytest.mark.parametrize(
    "settings",
    [
        {"prompt": " "}, {"prompt": "{{"}, {"make": "poems"}, {"into": "origin"}, {"share": 2},
        {"schema": {"pattern": ".*"}}, {"schema": {"type": "text"}}, {"schema": 3},
        {"enforce": True}, {"max_cost": 1.0}, {"make": "column", "variants": 2},
        {"address": "file:///etc"}, {"key_file": "key"}, {"concurrency": 0}, {"unmade": "x"},
        {"temperature": "hot"}, {"key_env": ""},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(BadStepError):
        Generate(**{"channel": "c", "prompt": "{{ text }}", **settings})


def test_a_wild_template_stops(make):
    rows = make([{"text": "x" * 1000}], prompt="{% for i in range(99999) %}{{ text }}{% endfor %}")
    assert len(rows) == 1
    assert make.counts.changed == {"not made: no prompt": 1}
    assert len(make(["x"], prompt="{{ ''.__class__.__mro__ }}")) == 1
