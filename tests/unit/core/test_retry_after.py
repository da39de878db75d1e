"""What `Retry-After` says: seconds or a date; what is neither is nothing."""

import pytest

from volano.core.retry_after import seconds


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("3", 3), (" 1.5 ", 1.5), ("-1", 0), ("Wed, 21 Oct 2015 07:28:30 GMT", 30), ("9" * 30, 1e30),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0), ("gleich", None), ("inf", None), ("nan", None), ("", None),
        ("-inf", None), ("٣", None), ("Wed, 99 Oct 2015 07:28:30 GMT", None), ("1e999", None),
    ],
)  # fmt: skip
def test_it_is_seconds_or_a_date(said, found):
    assert seconds(said, now=1445412480) == (None if found is None else pytest.approx(found))
