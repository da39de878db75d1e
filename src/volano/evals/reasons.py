"""Reasons why nobody could give a score, counted: those that differ in numbers only are one.

So are those that differ in what somebody said; the first is shown with its words.
"""

import re
from collections import Counter
from collections.abc import Iterable

MOST = 5
OTHERS = "other reasons"
SAID = ": it said "
"""After this a reason repeats what was said instead of an answer."""
_DIGITS = re.compile(r"\d+")


def counted(whys: Iterable[str]) -> dict[str, int]:
    """Return the commonest reasons with how often each was given, told as it was given first."""
    shown: dict[str, str] = {}
    found: Counter[str] = Counter()
    for why in whys:
        alike = _DIGITS.sub("0", why.partition(SAID)[0])
        shown.setdefault(alike, why)
        found[alike] += 1
    most = {shown[alike]: n for alike, n in found.most_common(MOST)}
    if rest := found.total() - sum(most.values()):
        most[OTHERS] = most.get(OTHERS, 0) + rest
    return most
