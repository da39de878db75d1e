"""`Retry-After`: how long somebody asks to be left alone (RFC 9110, 10.2.3)."""

import email.utils
import time


def seconds(said: str, *, now: float | None = None) -> float | None:
    """Return the seconds that a number or a date means, 0 or more; None where it is neither."""
    text = said.strip()
    if not text.isascii():
        return None
    try:
        found = float(text)
    except ValueError:
        return _until(text, time.time() if now is None else now)
    return max(0.0, found) if abs(found) < float("inf") else None


def _until(date: str, now: float) -> float | None:
    try:
        return max(0.0, email.utils.parsedate_to_datetime(date).timestamp() - now)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
