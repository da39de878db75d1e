"""Who reads the old answers can read the new ones; where it breaks is said field by field."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volano.core.schema import check_schema, misfit
from volano.releases.compatibility.answers import answers

TICKET = {
    "type": "object",
    "properties": {
        "team": {"type": "string", "enum": ["billing", "доставка"]},
        "urgent": {"type": "boolean"},
        "note": {"type": ["string", "null"], "maxLength": 80},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "parts": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
    },
    "required": ["team", "urgent"],
}


def with_field(name, schema):
    return {**TICKET, "properties": {**TICKET["properties"], name: schema}}


def test_the_same_and_the_narrower_pass():
    assert answers(TICKET, TICKET)
    assert answers(TICKET, with_field("team", {"const": "billing"}))
    assert answers(TICKET, with_field("note", {"type": "null"}))
    assert answers(TICKET, with_field("score", {"type": "integer", "minimum": 0, "maximum": 1}))
    assert answers(TICKET, {**TICKET, "required": ["team", "urgent", "note"]})
    assert answers(TICKET, with_field("language", {"type": "string"}))


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ({**TICKET, "required": ["team"]}, "$.urgent may be missing now"),
        (with_field("team", {"type": "string"}), '$.team was one of ["billing", "доставка"], and'),
        (with_field("team", {"enum": ["billing", "退款"]}), '$.team can be "退款" now'),
        (with_field("urgent", {"type": "string"}), "$.urgent can be string now, was boolean"),
        (with_field("note", {"type": ["string", "null"]}), "$.note can be longer than 80 now"),
        (with_field("note", {"type": ["string", "null", "integer"], "maxLength": 80}),
         "$.note can be integer now, was string or null"),
        (with_field("score", {"type": "number", "minimum": 0}), "$.score can be more than 1 now"),
        (with_field("score", {"type": "number", "minimum": -1, "maximum": 1}), "less than 0 now"),
        (with_field("parts", {"type": "array", "items": {"type": "number"}, "minItems": 1}),
         "$.parts[] can be number now, was integer"),
        (with_field("parts", {"type": "array", "items": {"type": "integer"}}),
         "$.parts can be shorter than 1 now"),
        ({"type": "array", "items": TICKET}, "$ can be array now, was object"),
        ({}, "$ can be anything now, was object"),
        (None, "no form any more"),
    ],
)  # fmt: skip
def test_what_widens_is_told_with_its_place(new, why):
    verdict = answers(TICKET, new, ref="support@1")
    assert verdict.outcome == "fail"
    assert why in verdict.reason


def test_a_field_that_is_gone():
    closed = {**TICKET, "additionalProperties": False}
    fewer = {k: v for k, v in closed["properties"].items() if k != "urgent"}
    verdict = answers(closed, {**closed, "properties": fewer, "required": ["team"]})
    assert verdict.reason == "$.urgent is gone"


def test_a_closed_object_has_no_new_fields_unless_they_are_taken():
    closed = {**TICKET, "additionalProperties": False}
    wider = {**with_field("language", {"type": "string"}), "additionalProperties": False}
    assert answers(closed, wider).reason == "$.language is new, and $ had no other fields"
    assert answers(closed, wider, new_fields=True)
    assert "any other field" in answers(closed, TICKET).reason


def test_unions():
    either = {"anyOf": [{"type": "null"}, TICKET]}
    assert answers(either, TICKET)
    assert answers(either, {"type": "null"})
    assert answers(TICKET, either).reason == "$ can be null now, was object"
    assert answers({"type": ["string", "null"]}, {"anyOf": [{"type": "null"}, {"type": "string"}]})


def test_without_an_old_schema_nothing_was_promised():
    assert answers(None, TICKET)
    assert answers(None, None)


def test_schemas_that_would_take_for_ever_are_unmeasured():
    schema = {"type": "string", "maxLength": 1}
    for _ in range(5):
        schema = {"anyOf": [{"type": "array", "items": schema, "minItems": n} for n in range(4)]}
    check_schema(schema)
    wider = json.loads(json.dumps(schema).replace('"maxLength": 1', '"maxLength": 2'))
    assert answers(schema, wider).outcome == "unmeasured"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from([0.5, 1.0]) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
SCHEMAS = st.recursive(
    st.fixed_dictionaries({}, optional={
        "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=3), "const": VALUES,
        "minimum": st.integers(-2, 2), "exclusiveMaximum": st.integers(-1, 3),
        "minLength": st.integers(0, 2), "maxLength": st.integers(0, 3), "maxItems": st.integers(0, 3),
    }),
    lambda inner: st.fixed_dictionaries({}, optional={
        "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True),
        "properties": st.dictionaries(st.sampled_from("xyz"), inner, max_size=2),
        "required": st.lists(st.sampled_from("xyz"), max_size=2, unique=True),
        "additionalProperties": st.booleans() | inner,
        "items": inner, "anyOf": st.lists(inner, min_size=1, max_size=3),
    }),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(SCHEMAS, SCHEMAS, st.lists(VALUES, min_size=1, max_size=12))
def test_what_passes_is_never_broken_by_an_answer(old, new, values):
    """Sound: where it says that all is well, no answer of the new kind is foreign to the old."""
    if answers(old, new).outcome != "pass":
        return
    for value in values:
        text = json.dumps(value)
        if misfit(text, new) is None:
            assert misfit(text, old) is None, text


@settings(max_examples=300, deadline=None)
@given(SCHEMAS)
def test_a_schema_without_unions_is_compatible_with_itself(schema):
    if "anyOf" not in json.dumps(schema):
        assert answers(schema, schema)
