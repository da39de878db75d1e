"""Addresses in error messages: readable, without what may be a secret."""

import pytest

from volano.core.text import shown_address


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/v1", "https://a.example/v1"),
        ("https://a.example/v1?key=SECRET", "https://a.example/v1"),
        ("https://a.example/#SECRET", "https://a.example/"),
        ("https://user:SECRET@a.example/v1", "https://a.example/v1"),
        ("https://SECRET@x@a.example/v1", "https://a.example/v1"),
        ("a.example/v1?SECRET", "a.example/v1"),
        ("SECRET@a.example", "a.example"),
        ("ftp://ä.example/\n", "ftp://\\xe4.example/\\n"),
        ("", ""),
        ("https://" + "a" * 500, "https://" + "a" * 112),
    ],
)
def test_an_address_is_shown_without_credentials_and_query(url, shown):
    assert shown_address(url) == shown
