"""The count guard: it acts at once, on plain counts from shared memory, without statistics."""

from collections import deque

from volano.releases.guard import Guard

Counts = deque[tuple[int, int]]
"""Calls and errors of a release so far, look by look."""
LOOKS = 600


def looks() -> Counts:
    """Return an empty list of looks."""
    return deque(maxlen=LOOKS)


def burns(counts: Counts, guard: Guard) -> bool:
    """Say whether so many of the last calls failed; the newest look is the last of `counts`."""
    calls, errors = counts[-1]
    for before_calls, before_errors in reversed(counts):
        if calls - before_calls >= guard.of:
            return errors - before_errors >= (calls - before_calls) * guard.failed / guard.of
    return False
