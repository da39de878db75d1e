"""An Outage: all calls to a target got no answer, as all workers together see it.

It takes `TRIPS` calls in a row without an answer, over all workers, and not one answer since the
first of them. A target that asks for rest gives no answer either: one that always does is as
good as gone for those who call it, and one that did so once is not.
"""

from collections.abc import Iterable
from typing import NamedTuple

from volano.gateway.health import FORGOTTEN_S, TRIPS
from volano.gateway.vitals import Seen


class Outage(NamedTuple):
    """From the first call without an answer to the last, in microseconds of the monotonic clock."""

    from_us: int
    until_us: int


def answered_us(seen: Iterable[Seen]) -> int:
    """Return when a target answered last, whichever worker saw it; 0: none did."""
    return max((one.answered_us for one in seen), default=0)


def outage(seen: Iterable[Seen], now_us: int) -> Outage | None:
    """Return since when a target gives no answer, by what each worker saw; None where it answers.

    What was not asked for `FORGOTTEN_S` may be well by now.
    """
    seen = list(seen)
    answered = answered_us(seen)
    fresh_us = now_us - int(FORGOTTEN_S * 1e6)
    rows = [
        one for one in seen
        if one.unanswered and one.unanswered_from_us >= answered and one.unanswered_us > fresh_us
    ]  # fmt: skip
    if sum(one.unanswered for one in rows) < TRIPS:
        return None
    return Outage(
        min(one.unanswered_from_us for one in rows), max(one.unanswered_us for one in rows)
    )


def of_all(found: Iterable[Outage | None]) -> Outage | None:
    """Return since when none of several targets answers; None where one does, or there is none."""
    outages = list(found)
    known = [one for one in outages if one is not None]
    if not outages or len(known) < len(outages):
        return None
    return Outage(max(one.from_us for one in known), max(one.until_us for one in known))
