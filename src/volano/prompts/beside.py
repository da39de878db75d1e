"""Which message of one prompt stands beside which of another.

Messages keep their order. A pair costs what their words have not in common (1 less Dice's
coefficient, Dice 1945), more where the role is another; one that stands alone costs a bit more
than half of a pair without a common word. The cheapest pairing is shown (Needleman & Wunsch
1970), of equals that with the last messages paired: what was put before them is told as new.
Messages that are the same at the end, then at the beginning, are paired at once. What is between is paired
from its end, one by one, where it is too much to weigh every pair.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile, zip_longest

from volano.core.words import words

Message = Mapping[str, str]
Pair = tuple[Message | None, Message | None]
ALONE = 0.55
OTHER_ROLE = 0.5
_LOOK, _MOST_PAIRS = 5000, 2500


def beside(a: Sequence[Message], b: Sequence[Message]) -> list[Pair]:
    """Return the messages of both, side by side; None where there is none on that side."""
    last = _alike(zip(reversed(a), reversed(b), strict=False))
    first = _alike(zip(a[: len(a) - last], b[: len(b) - last], strict=False))
    old, new = a[first : len(a) - last], b[first : len(b) - last]
    middle = _weighed(old, new) if len(old) * len(new) <= _MOST_PAIRS else _from_end(old, new)
    begin = zip(a[:first], b[:first], strict=True)
    return [*begin, *middle, *zip(a[len(a) - last :], b[len(b) - last :], strict=True)]


def _alike(pairs: Iterable[tuple[Message, Message]]) -> int:
    """Return how many pairs from the beginning are of the same message."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _from_end(a: Sequence[Message], b: Sequence[Message]) -> list[Pair]:
    return list(zip_longest(reversed(a), reversed(b)))[::-1]


def _weighed(a: Sequence[Message], b: Sequence[Message]) -> list[Pair]:
    bags = [[_bag(one) for one in side] for side in (a, b)]
    cost = [[ALONE * (i + j) for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    pair = [[0.0] * len(b) for _ in a]
    for i, old in enumerate(a):
        for j, new in enumerate(b):
            pair[i][j] = _apart(bags[0][i], bags[1][j])
            pair[i][j] += OTHER_ROLE * (old["role"] != new["role"])
            alone = ALONE + min(cost[i][j + 1], cost[i + 1][j])
            cost[i + 1][j + 1] = min(alone, cost[i][j] + pair[i][j])
    return list(_back(a, b, cost, pair))[::-1]


def _back(
    a: Sequence[Message], b: Sequence[Message], cost: list[list[float]], pair: list[list[float]]
) -> Iterator[Pair]:
    """Yield the pairs of the cheapest way, the last first."""
    i, j = len(a), len(b)
    while i or j:
        here = cost[i][j]
        if i and j and here >= cost[i - 1][j - 1] + pair[i - 1][j - 1]:
            i, j = i - 1, j - 1
            yield a[i], b[j]
        elif j and (not i or here >= cost[i][j - 1] + ALONE):
            j -= 1
            yield None, b[j]
        else:
            i -= 1
            yield a[i], None


def _bag(message: Message) -> Counter[str]:
    return Counter(word for word in words(message["content"][:_LOOK]) if not word.isspace())


def _apart(a: Counter[str], b: Counter[str]) -> float:
    whole = a.total() + b.total()
    shared = sum(min(a[word], b[word]) for word in a.keys() & b.keys())
    return 1 - 2 * shared / whole if whole else 0.0
