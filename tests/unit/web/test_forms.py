"""A form is small: what is larger is refused in its page's own words."""

import asyncio

import pytest
from starlette.requests import Request

from volano.core.errors import InvalidError
from volano.web.forms import form, pairs


class TooMuchError(InvalidError):
    """This form is not one of ours."""

    hint = "Send it from its page."


def request(*chunks):
    left = list(chunks)

    async def receive():
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def read(*chunks, how=form, **more):
    return asyncio.run(how(request(*chunks), **{"most": 100, "refusal": TooMuchError, **more}))


def test_what_is_empty_says_nothing_and_the_last_of_a_name_counts():
    assert read(b"a=1&b=&a=%C5%91", "rült".encode()) == {"a": "őrült"}


def test_pairs_keep_their_order_and_what_is_empty():
    assert read(b"b=2&a=&b=3", how=pairs) == [("b", "2"), ("a", ""), ("b", "3")]


@pytest.mark.parametrize("body", [(b"a=" + b"x" * 99,), (b"a=" + b"x" * 60, b"y" * 60)])
def test_what_is_too_long_is_refused(body):
    with pytest.raises(TooMuchError):
        read(*body)


def test_too_many_fields_are_refused():
    with pytest.raises(TooMuchError):
        read(b"a=1&" * 65, most=1000)
