"""Moments and durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.access.errors import BadDurationError, BadMomentError
from volano.access.moment import duration_us, moment_us
from volano.core.errors import VolanoError

NOW = 1_750_000_000_000_000
SECOND = 1_000_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("45m", 2700), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600), ("0", 0)],
)
def test_durations(text, seconds):
    assert duration_us(text) == seconds * SECOND
    if seconds:
        assert moment_us(text, NOW) == NOW + seconds * SECOND


@pytest.mark.parametrize(
    "text", ["", "7", "d", "-7d", "7 d", "7D", "1.5h", "1d12h", "٣d", "9999999999d"]
)
def test_what_is_no_duration(text):
    with pytest.raises(BadDurationError):
        duration_us(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2027-01-01", 1_798_761_600), ("2027-01-01T12:00", 1_798_804_800),
        ("2027-01-01T12:00Z", 1_798_804_800), ("2027-01-01T12:00+02:00", 1_798_797_600),
        ("2027-01-01 12:00:30", 1_798_804_830),
    ],
)  # fmt: skip
def test_dates_are_utc_unless_they_say_otherwise(text, seconds):
    assert moment_us(text, NOW) == seconds * SECOND


def test_never_is_no_moment():
    assert moment_us("never", NOW) is None


@pytest.mark.parametrize(
    "text", ["", "soon", "2027-13-01", "01.01.2027", "1969-01-01", "2027", "0"]
)
def test_what_is_no_moment(text):
    with pytest.raises(BadMomentError):
        moment_us(text, NOW)


@given(st.text(max_size=30))
def test_anything_else_is_told_in_our_words(text):
    try:
        moment_us(text, NOW)
    except VolanoError as error:
        assert error.advice
