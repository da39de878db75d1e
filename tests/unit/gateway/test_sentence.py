"""A sentence whose last words somebody else wrote ends once."""

import pytest

from volano.gateway.sentence import ended


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it broke", "it broke."),
        ("The server had an error.", "The server had an error."),
        ("Why?", "Why?"),
        ("did you mean `a`?", "did you mean `a`?"),
        ("it is `a`", "it is `a`."),
        ("he said “no.”", "he said “no.”"),
        ("服务器出错。", "服务器出错。"),
        ("یہ ٹوٹ گیا۔", "یہ ٹوٹ گیا۔"),
        ("it broke.\n", "it broke."),
        ("", "."),
    ],
)
def test_it_ends_once(text, expected):
    assert ended(text) == expected
