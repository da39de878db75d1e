"""Self-consistency: does the same release say the same when it is asked again?

The score is the share of pairs, among the recorded answer and those to the same request
asked again, that agree: an unbiased estimate of the chance that two answers do. Wang et
al. (2022, arXiv 2203.11171) vote over such answers; here they are only compared.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from volano.evals.scorers.embedding import hashed
from volano.evals.scorers.normal import normal

Vectors = Callable[[Sequence[str]], Sequence[Sequence[float]]]


def agreement(texts: Sequence[str], how: str) -> float:
    """Return the mean agreement of all pairs, from 0 to 1; `texts` are at least two.

    exact: the same words, whatever their case, width and punctuation. near: cosine of hashed runs of
    characters. fields: of two JSON objects the share of fields with equal values; texts that
    are no objects agree where they are the same.
    """
    compare = {"exact": _exact, "near": _near, "fields": _fields}[how]
    pairs = [compare(a, b) for a, b in combinations(texts, 2)]
    return min(1.0, max(0.0, math.fsum(pairs) / len(pairs)))


def _exact(a: str, b: str) -> float:
    return float(normal(a) == normal(b))


def _near(a: str, b: str) -> float:
    first, second = hashed(a), hashed(b)
    dot = sum(count * second[at] for at, count in first.items() if at in second)
    size = math.sqrt(sum(x * x for x in first.values()) * sum(x * x for x in second.values()))
    return min(1.0, dot / size) if size else float(not first and not second)


def _fields(a: str, b: str) -> float:
    first, second = _object(a), _object(b)
    if first is None or second is None:
        return float(first is None and second is None and _exact(a, b) == 1)
    names = {*first, *second}
    same = sum(name in first and name in second and first[name] == second[name] for name in names)
    return same / len(names) if names else 1.0


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
