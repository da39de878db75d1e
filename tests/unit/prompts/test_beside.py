"""Messages of two prompts stand beside those that they came from, whatever was put between."""

from hypothesis import given
from hypothesis import strategies as st

from volano.prompts.beside import beside

SYSTEM, ASKED = ("system", "Du hilfst. Antworte kurz."), ("user", "{{ input }}")
SHOWN = [("user", "我的包裹在哪里"), ("assistant", "shipping"), ("user", "Pénzt!"), ("assistant", "refund")]  # fmt: skip


def say(*turns):
    return [{"role": role, "content": text} for role, text in turns]


def paired(a, b):
    texts = [[one and one["content"] for one in pair] for pair in beside(say(*a), say(*b))]
    return [tuple(pair) for pair in texts]


def test_examples_between_are_new_and_nothing_else_is():
    found = paired([SYSTEM, ASKED], [SYSTEM, *SHOWN, ASKED])
    assert found[0] == (SYSTEM[1], SYSTEM[1])
    assert found[-1] == (ASKED[1], ASKED[1])
    assert [one for one, _ in found[1:-1]] == [None] * 4
    assert [two for _, two in paired([SYSTEM, *SHOWN, ASKED], [SYSTEM, ASKED])[1:-1]] == [None] * 4


def test_what_was_reworded_stands_beside_what_it_was():
    other = ("system", "Du hilfst sehr gern. Antworte lang.")
    found = paired([SYSTEM, ASKED], [other, *SHOWN[:2], ASKED])
    assert found[0] == (SYSTEM[1], other[1])
    assert paired([("user", "a b")], [("user", "c d")]) == [("a b", "c d")]
    assert paired([("user", "x")], [("system", "y"), ("user", "z")]) == [(None, "y"), ("x", "z")]


def test_a_role_may_change_where_the_words_stay():
    assert paired([SYSTEM], [("user", SYSTEM[1])]) == [(SYSTEM[1], SYSTEM[1])]
    assert paired([("system", "eins")], [("user", "два")]) == [("eins", None), (None, "два")]


TURNS = st.lists(
    st.tuples(st.sampled_from(["system", "user", "assistant"]), st.sampled_from(["", "a b", "a c", "票"])),
    max_size=6,
)  # fmt: skip


@given(TURNS, TURNS)
def test_each_message_stands_once_in_its_order(a, b):
    found = beside(say(*a), say(*b))
    assert [one for one, _ in found if one is not None] == say(*a)
    assert [two for _, two in found if two is not None] == say(*b)
    assert (None, None) not in found
    assert all(one == two for one, two in beside(say(*a), say(*a)))


def test_the_last_of_equals_is_the_old_one():
    assert paired([ASKED], [ASKED, ASKED]) == [(None, ASKED[1]), (ASKED[1], ASKED[1])]


def test_only_what_differs_is_weighed(monkeypatch):
    """Of 400 messages a few that were put between cost no more than a few."""
    weighed = []
    monkeypatch.setattr("volano.prompts.beside._apart", lambda *bags: weighed.append(bags) or 1.0)
    many = [("user", f"n{at}") for at in range(400)]
    more = [*many[:200], *SHOWN, ("user", "n"), *many[201:]]
    found = paired(many, more)
    assert len(weighed) == 5
    assert [two for one, two in found if one is None] == [text for _, text in SHOWN]


def test_too_many_that_differ_are_paired_from_the_end(monkeypatch):
    monkeypatch.setattr("volano.prompts.beside._apart", None)
    many, others = (
        [("user", f"{name}{at}") for at in range(n)] for name, n in (("a", 200), ("b", 203))
    )
    found = paired([SYSTEM, *many, ASKED], [SYSTEM, *others, ASKED])
    assert found[0] == (SYSTEM[1], SYSTEM[1])
    assert found[1:5] == [(None, "b0"), (None, "b1"), (None, "b2"), ("a0", "b3")]
    assert found[-2:] == [("a199", "b202"), (ASKED[1], ASKED[1])]
