"""Moments and durations as people write them: `30d`, `12h`, `2027-01-01`, `never`."""

import re
from datetime import UTC, datetime

from volano.access.errors import BadDurationError, BadMomentError

SECOND_US = 1_000_000
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])")
_LATEST_US = 2**62


def duration_us(text: str) -> int:
    """Return a duration in microseconds: `90s`, `45m`, `12h`, `7d`, `2w`, or `0`.

    Raises:
        BadDurationError: written otherwise.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is not None:
        return int(found[1]) * _UNITS_S[found[2]] * SECOND_US
    if text.strip() == "0":
        return 0
    raise BadDurationError(text=ascii(text)[1:-1][:80])


def moment_us(text: str, now_us: int) -> int | None:
    """Return a moment in microseconds UTC; None for `never`.

    A duration counts from now. A date is the midnight with which that day
    begins, a time without a zone is UTC too (ISO 8601).

    Raises:
        BadMomentError: neither a duration nor a date, or too far away.
    """
    text = text.strip()
    if text == "never":
        return None
    if _DURATION.fullmatch(text):
        moment = now_us + duration_us(text)
    else:
        moment = _date_us(text)
    if not 0 < moment < _LATEST_US:
        raise BadMomentError(text=ascii(text)[1:-1][:80])
    return moment


def _date_us(text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadMomentError(text=ascii(text)[1:-1][:80]) from error
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    since = found - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND_US + since.microseconds
