import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.scored import scored
from volano.evals.scorers.calls import _ordered, _paired
from volano.evals.scoring import BadScorerError, Unmeasured, make

WEATHER = {"name": "weather", "arguments": {"city": "北京", "units": {"t": "C"}}}
MAIL = {"name": "mail", "arguments": {"to": "жанна"}}
OPENAI = {"type": "function", "function": {"name": "mail", "arguments": '{"to": "жанна"}'}}


def scored_calls(said, wanted, **settings):
    found = scored({"tool_calls": settings}, "", expected={"tools": wanted}, calls=said)
    return tuple(None if isinstance(one, Unmeasured) else one for one in found.values())


@pytest.mark.parametrize(
    ("said", "settings", "values"),
    [
        ([WEATHER, MAIL], {}, (1, 1, 1)), ([WEATHER, OPENAI], {}, (1, 1, 1)),
        ([MAIL, WEATHER], {}, (0, 0.5, 0.5)), ([MAIL, WEATHER], {"order": False}, (1, 1, 1)),
        ([WEATHER], {}, (0, 0.5, 1)), ([WEATHER, MAIL, MAIL], {}, (0, 1, 2 / 3)), ([], {}, (0, 0, None)),
        ([{**WEATHER, "arguments": {"city": "北京"}}, MAIL], {}, (0, 0.5, 0.5)),
        ([{"name": "weather"}, {"name": "mail"}], {"arguments": "names"}, (1, 1, 1)),
        ([{"name": "weather", "arguments": "{broken"}, MAIL], {}, (0, 0.5, 0.5)), ([7, None], {}, (0, 0, 0)),
    ],
)  # fmt: skip
def test_calls_are_compared_by_name_arguments_and_order(said, settings, values):
    assert scored_calls(said, [WEATHER, MAIL], **settings) == pytest.approx(values)


def test_more_arguments_than_expected_are_a_superset():
    more = {
        "name": "weather",
        "arguments": {"city": "北京", "units": {"t": "C", "w": "m/s"}, "days": 3},
    }
    assert scored_calls([more], [WEATHER], arguments="subset")[0] == 1
    assert scored_calls([WEATHER], [more], arguments="subset")[0] == 0
    assert scored_calls([more], [WEATHER])[0] == 0


def test_no_call_may_be_what_is_expected():
    assert scored_calls([], []) == (1, None, None)
    assert scored_calls([MAIL], []) == (0, None, 0)
    assert scored_calls([MAIL], "mail") == scored_calls([MAIL], [3]) == (None, None, None)
    assert scored_calls([MAIL] * 1001, [MAIL]) == (None, None, None)
    assert "expects no tools" in scored("tool_calls", "")["tool_calls"].why


def test_a_flexible_call_makes_room_for_a_strict_one():
    loose = {"name": "f", "arguments": {"a": 1}}
    strict = {"name": "f", "arguments": {"a": 1, "b": 2}}
    said = [strict, {"name": "f", "arguments": {"a": 1, "c": 3}}]
    assert scored_calls(said, [loose, strict], arguments="subset", order=False)[0] == 1


@given(
    st.integers(0, 6).flatmap(
        lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), max_size=6)
    )
)
def test_pairs_are_at_least_what_fits_in_order_and_never_too_many(hit):
    wanted = len(hit[0]) if hit else 0
    pairs = _paired(hit, wanted)
    assert _ordered(hit) <= pairs <= min(len(hit), wanted)
    assert pairs == best(hit, frozenset(range(wanted)))


def best(hit, free):
    """Return the most pairs by trying all."""
    if not hit:
        return 0
    first, *rest = hit
    return max([best(rest, free), *(1 + best(rest, free - {at}) for at in free if first[at])])


@pytest.mark.parametrize(
    ("said", "way", "right", "found"),
    [
        ("a b c", "exact", 1, 1), ("a x b c", "exact", 0, 1), ("a x b c", "in_order", 1, 1), ("b a c", "in_order", 0, 2 / 3),
        ("b a c", "any_order", 1, 1), ("a b", "any_order", 0, 2 / 3), ("a b", "subset", 1, 2 / 3), ("a x", "subset", 0, 1 / 3),
        ("", "subset", 1, 0), ("", "in_order", 0, 0),
    ],
)  # fmt: skip
def test_an_agents_way_is_compared_with_the_one_expected(said, way, right, found):
    steps = [{"name": name, "arguments": {}} for name in said.split()]
    values = scored(
        {"trajectory": {"match": way}}, "", expected={"steps": ["a", "b", "c"]}, calls=steps
    )
    assert [*values.values()] == pytest.approx([right, found])


def test_rows_without_steps_are_unmeasured():
    assert {one.why for one in scored("trajectory", "").values()} == {"the row expects no steps"}
    with pytest.raises(BadScorerError, match="exact"):
        make({"trajectory": {"match": "loosely"}})
