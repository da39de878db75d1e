import json

import pytest

from support.scored import one, scored
from volano.core.canon import NotCanonicalError, canonical
from volano.evals.scorers.json_value import same
from volano.evals.scoring import BadScorerError, Unmeasured, make

ORDER = {
    "type": "object",
    "properties": {"betrag": {"type": "number", "minimum": 0}, "stadt": {"type": "string"}},
    "required": ["betrag"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ('{"betrag": 12.5, "stadt": "Köln"}', 1), ('```json\n{"betrag": 1}\n```', 1),
        ('{"betrag": -1}', 0), ('{"stadt": "北京"}', 0), ('{"betrag": 1, "x": 2}', 0), ("[]", 0),
        ('Bitte: {"betrag": 1}', 0), ("", 0), ('{"betrag": NaN}', 0), ("[" * 100_000, 0),
    ],
)  # fmt: skip
def test_the_schema_decides(answer, value):
    assert one({"json_schema": {"schema": ORDER}}, answer) == value


def test_the_row_may_bring_the_schema():
    more = {"expected": {"schema": {"type": "array", "items": {"enum": ["да", "нет"]}}}}
    assert one("json_schema", '["да"]', **more) == 1
    assert one("json_schema", '["igen"]', **more) == 0
    assert "no schema" in one("json_schema", "{}").why
    assert "is wrong" in one("json_schema", "{}", expected={"schema": {"type": 3}}).why
    assert one({"json_schema": {"fenced": False}}, "```json\n[]\n```", **more) == 0


@pytest.mark.parametrize(
    ("schema", "answer", "why"),
    [
        ({"$ref": "http://127.0.0.1:9/x.json"}, "{}", "followed"),
        ({"pattern": r"^(a|aa|b?a)+$"}, json.dumps("a" * 3000 + "!"), "longer"),
        ({"$defs": {"n": {"items": {"$ref": "#/$defs/n"}}}, "$ref": "#/$defs/n"}, "[" * 900 + "]" * 900, "deep"),
        (ORDER, " " * 1_000_001, "too long"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_unmeasured(schema, answer, why):
    assert why in one({"json_schema": {"schema": schema}}, answer).why


@pytest.mark.parametrize("schema", [{"type": "no"}, {"pattern": 3}, 3, "x", {1, 2}])
def test_a_wrong_schema_is_refused_before_anything_is_asked(schema):
    with pytest.raises(BadScorerError):
        make({"json_schema": {"schema": schema}})


def test_each_field_has_a_judge_of_its_own():
    spec = {"fields": {"scorers": {"összeg": {"numeric": {"tolerance": 0.5}}, "ok": "token_f1"}}}
    label = {"összeg": 100, "ok": "törött üveg", "kód": "A1", "n": [1, 2]}
    said = {"összeg": "100,2 Ft", "ok": "az üveg törött", "kód": "a1", "n": [1, 2]}
    assert scored(spec, json.dumps(said), label) == {
        "fields/összeg": 1, "fields/ok": pytest.approx(0.8), "fields/kód": 0, "fields/n": 1,
    }  # fmt: skip
    assert set(scored(spec, "no json", label).values()) == {0}
    assert scored(spec, "text", "text") == {}


def test_fields_that_are_not_named_may_be_left_out():
    spec = {"fields": {"scorers": {"a": "normalised"}, "rest": "none"}}
    assert scored(spec, '{"a": "ДА", "b": 1}', {"a": "да", "b": 2}) == {"fields/a": 1}
    error = scored(spec, "", {"a": "да"}, error="upstream: 500")
    assert error == {"fields/a": Unmeasured("no answer came: upstream: 500")}


@pytest.mark.parametrize(
    "spec", [{"scorers": {"a": "latency"}}, {"scorers": ["a"]}, {"scorers": {"a": {"regex": {}}}}]
)
def test_a_judge_that_cannot_be_is_refused(spec):
    with pytest.raises(BadScorerError):
        make({"fields": spec})


VALUES = [
    "K", "\u212a", "é", "e\u0301", "\ud800", "", "1", 1, 1.0, 1.5, True, False, None, 2**60, float("nan"),
    [], [1], (1,), {}, {"a": 1}, {"a": 1.0}, {"a": True}, {"a": 1, "b": "x"}, {"b": "x", "a": 1},
    {"K": 1}, {"\u212a": 1}, {1: 1}, {"a": {"b": "x"}}, {"a": {"b": "y"}}, {"a": float("nan")},
    {"a": "\ud800"}, {"a": None, "b": None}, {"é": 1}, {"e\u0301": 1},
]  # fmt: skip


def _canonical(value):
    try:
        return canonical(value)
    except NotCanonicalError:
        return None


@pytest.mark.parametrize("said", VALUES, ids=ascii)
def test_values_are_the_same_where_their_canonical_json_is(said):
    wanted = _canonical(said)
    for other in VALUES:
        assert same(said, other) is (wanted is not None and wanted == _canonical(other)), other
