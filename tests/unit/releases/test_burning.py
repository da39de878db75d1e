"""The count guard acts as soon as it is sure, and not on what is long past."""

import pytest

from volano.releases.burning import burns, looks
from volano.releases.plan import Guard

GUARD = Guard(failed=20, of=25)


def seen(*pairs):
    counts = looks()
    counts.extend(pairs)
    return counts


@pytest.mark.parametrize(
    ("pairs", "burning"),
    [
        (((0, 0), (25, 20)), True),
        (((0, 0), (25, 19)), False),
        (((0, 0), (20, 20)), True),
        (((0, 0), (24, 19)), False),
        (((0, 0), (10, 10), (20, 20)), True),
        (((100, 90), (110, 90), (120, 100)), False),
        (((1000, 1000), (1010, 1000), (1030, 1020)), True),
        (((0, 0), (1000, 800)), True),
        (((0, 0), (1000, 799)), False),
        (((5, 5),), False),
    ],
    ids=["twenty of twenty-five", "nineteen", "twenty are enough, however the others end", "not yet",
         "over several looks", "half", "the last ones", "many at once", "many at once, fewer",
         "what was before the first look"],
)  # fmt: skip
def test_burning(pairs, burning):
    assert burns(seen(*pairs), GUARD) is burning
