"""One difference of words for prompts, traces and releases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.core.words import FEW, MOST, differing

TEXT = st.lists(
    st.sampled_from(["kis ", "kutya", "我", "要", " ", "\n", "деньги", "a", "b"]), max_size=60
)


@given(TEXT.map("".join), TEXT.map("".join))
def test_the_pieces_are_both_texts(old, new):
    found = differing(old, new)
    assert "".join(text for mark, text in found if mark != "+") == old
    assert "".join(text for mark, text in found if mark != "-") == new
    assert all(text for _, text in found)


def test_a_space_between_two_changes_belongs_to_them():
    assert differing("a b c", "x y c") == [("-", "a b"), ("+", "x y"), ("=", " c")]
    assert differing("我要退款", "我要发票") == [("=", "我要"), ("-", "退款"), ("+", "发票")]


@pytest.mark.parametrize("count", [FEW, MOST // 2, MOST * 3])
def test_long_texts_are_compared_in_bounded_time(count):
    old = "a b " * count
    new = old.replace("a", "c", 1)
    found = differing(old, new)
    assert "".join(text for mark, text in found if mark != "+") == old
    assert "".join(text for mark, text in found if mark != "-") == new
