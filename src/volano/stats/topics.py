"""Topics: rows of features put into a few groups, and the words that tell a group from the rest."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from volano.core.text import nfc

_ROUNDS = 25
_RUN = re.compile(r"\w+")
_SPACELESS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")


def topics(rows: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the group of each row (of length 1): spherical k-means, the same for the same rows.

    Dhillon & Modha 2001, Machine Learning 42:143-175. The first middle is the row next to
    the mean; each further one is the row that is furthest from all middles so far, of a seeded
    draw in proportion to that distance (Arthur & Vassilvitskii 2007, SODA).
    """
    k = max(1, min(k, len(rows)))
    middles = _begin(rows, k)
    group = np.full(len(rows), -1)
    for _ in range(_ROUNDS):
        near = rows @ middles.T
        moved = near.argmax(axis=1)
        if (moved == group).all():
            break
        group = moved
        for at in range(len(middles)):
            if (group == at).any():
                mean = rows[group == at].mean(axis=0)
                middles[at] = mean / max(float(np.linalg.norm(mean)), 1e-9)
    return group.astype(np.int64)


def cells(rows: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return for each row which of k rows, drawn from them all, is most like it: many small groups."""
    drawn = np.random.default_rng(0).permutation(len(rows))[: max(1, k)]
    return (rows @ rows[drawn].T).argmax(axis=1).astype(np.int64)


def nearest(rows: NDArray[np.float32], members: NDArray[np.int64], n: int) -> list[int]:
    """Return the n members that are most like their mean."""
    if not len(members):
        return []
    near = rows[members] @ rows[members].mean(axis=0)
    return [int(members[at]) for at in np.argsort(-near, kind="stable")[:n]]


def telling(inside: Iterable[str], outside: Iterable[str], n: int = 6) -> list[str]:
    """Return the words that texts inside have and texts outside have not, the most telling first.

    Log-odds with an informative Dirichlet prior, in units of their deviation (Monroe, Colaresi &
    Quinn 2008, Political Analysis 16:372-403). A text counts a word once. What scripts without
    spaces say is cut into pairs of characters.
    """
    here, there = _said(inside), _said(outside)
    both = here + there
    total_here, total_there = sum(here.values()), sum(there.values())
    size = max(1, sum(both.values()))
    prior = 500.0
    scored = []
    for word, count in here.items():
        if count < 2:
            continue
        a = prior * both[word] / size
        odds = math.log((count + a) / (total_here + prior - count - a))
        other = math.log((there[word] + a) / (total_there + prior - there[word] - a))
        deviation = math.sqrt(1 / (count + a) + 1 / (there[word] + a))
        scored.append(((odds - other) / deviation, word))
    return [word for z, word in sorted(scored, key=lambda s: (-s[0], s[1])) if z > 1.64][:n]


def words(text: str) -> set[str]:
    """Return the words of a text, casefolded; of scripts without spaces, pairs of characters."""
    found = set()
    for run in _RUN.findall(nfc(text).casefold()):
        if any(_spaceless(char) for char in run):
            found |= {run[at : at + 2] for at in range(len(run) - 1)} or {run}
        elif not run.isnumeric():
            found.add(run)
    return found


def _said(texts: Iterable[str]) -> Counter[str]:
    said: Counter[str] = Counter()
    for text in texts:
        said.update(words(text))
    return said


@lru_cache(maxsize=1 << 14)
def _spaceless(char: str) -> bool:
    return not char.isascii() and unicodedata.name(char, "").startswith(_SPACELESS)


def _begin(rows: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    random = np.random.default_rng(0)
    chosen: Sequence[int] = [int((rows @ rows.mean(axis=0)).argmax())]
    far = 1 - rows @ rows[chosen[0]]
    while len(chosen) < k:
        chance = far.clip(0).astype(float) ** 2
        total = chance.sum()
        if total <= 0:
            break
        at = int(random.choice(len(rows), p=chance / total))
        chosen = [*chosen, at]
        far = np.minimum(far, 1 - rows @ rows[at])
    return rows[list(chosen)].copy()
