"""What moved: topics with their shares before and after, their words, and calls to look at."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from volano.monitor.drift.compare import Comparison, Read
from volano.monitor.drift.finding import Topic
from volano.stats.intervals import wilson
from volano.stats.topics import nearest, telling

_EXAMPLES = 200


def moved(comparison: Comparison, signal: str, texts: Mapping[str, str]) -> list[Topic]:
    """Return the topics of a text signal, those whose share grew most first.

    `texts` are what is still on record of the calls of both samples, by trace id: a topic that is
    gone can only be named as long as its calls are kept.
    """
    read = comparison.texts.get(signal)
    if read is None:
        return []
    ids = np.array([*comparison.first.ids, *comparison.second.ids], dtype=str)[read.there]
    units = np.array([*comparison.first.units, *comparison.second.units], dtype=str)[read.there]
    second = read.there >= len(comparison.first)
    found = [
        _topic(signal, int(number), read, ids, units, second, texts)
        for number in np.unique(read.groups)
    ]
    return sorted(found, key=lambda t: (not t.moved, t.before[0] - t.after[0], t.number))


def _topic(
    signal: str, number: int, read: Read, ids: NDArray[np.str_], units: NDArray[np.str_],
    second: NDArray[np.bool_], texts: Mapping[str, str],
) -> Topic:  # fmt: skip
    inside = read.groups == number
    members = np.flatnonzero(inside & second)
    order = nearest(read.rows, members, _EXAMPLES)
    return Topic(
        signal, number + 1,
        share(units[~second], inside[~second]), share(units[second], inside[second]),
        telling(_texts(ids[inside], texts), _texts(ids[~inside], texts)),
        [str(ids[at]) for at in order],
    )  # fmt: skip


def share(units: NDArray[np.str_], inside: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return the share of calls inside, with Wilson's 95 % interval for calls that come in units.

    The calls count as many as they would if each were a unit's only one: n divided by the design
    effect, the variance of a ratio over units as against that of single calls (Kish 1965).
    """
    n = len(inside)
    if not n:
        return 0.0, 0.0, 1.0
    p = float(inside.mean())
    _, code = np.unique(units, return_inverse=True)
    count = int(code.max()) + 1
    residual = np.bincount(code, weights=inside - p)
    spread = float((residual**2).sum()) / n**2 * count / max(1, count - 1)
    alone = p * (1 - p) / n
    worth = n / max(1.0, spread / alone) if alone > 0 else float(count)
    whole = max(1, round(worth))
    low, high = wilson(round(p * whole), whole)
    return p, min(low, p), max(high, p)


def _texts(ids: Sequence[str] | NDArray[np.str_], texts: Mapping[str, str]) -> list[str]:
    return [texts[str(one)][:2000] for one in ids if str(one) in texts]
