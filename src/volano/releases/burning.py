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
        seen, failed = calls - before_calls, errors - before_errors
        if seen >= guard.of:
            return failed >= seen * guard.failed / guard.of
        if failed >= guard.failed:
            return True  # however the few end that are missing
    return False
