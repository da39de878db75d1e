"""Equal texts, and clusters of similar ones.

Equal is what `exact-dedup` holds for equal: case, width and spaces do not
count. Similar is what `near-dedup` holds for similar: runs of words, or of
characters where texts are short, with a Jaccard similarity of 0.8.
"""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from volano.data.clusters import cluster
from volano.data.corpus import Corpus
from volano.data.fold import fold
from volano.data.profile.place import Place, told

SHOWN = 20
Keys = npt.NDArray[np.uint64]


def key_of(text: str) -> int:
    """Return 64 bits that are equal where folded texts are; 0 for one without a character."""
    folded = fold(text)
    if not folded:
        return 0
    head = blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(head, "little")


def equal(keys: Keys, places: Sequence[Place]) -> dict[str, Any]:
    """Return how many rows repeat another one, and the greatest groups."""
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    begins = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])) if keys.size else order
    sizes = np.diff(np.append(begins, keys.size))
    many = [
        (int(size), int(begin))
        for begin, size in zip(begins, sizes, strict=True)
        if size > 1 and ranked[begin]
    ]
    groups = [order[begin : begin + size].tolist() for size, begin in sorted(many, key=_greatest)]
    return _groups(groups, places)


def similar(folder: Path, keys: Keys, threshold: float, places: Sequence[Place]) -> dict[str, Any]:
    """Return the clusters of similar rows that are not all equal, from what `Near.survey` wrote."""
    found: list[list[int]] = []
    with Corpus([folder]) as corpus:
        for roots, rows in cluster(corpus, threshold, folder).groups(folder):
            cuts = np.flatnonzero(roots[1:] != roots[:-1]) + 1
            found += [one.tolist() for one in np.split(rows, cuts) if np.unique(keys[one]).size > 1]
    return _groups(sorted(found, key=lambda one: (-len(one), one[0])), places)


def _groups(groups: list[list[int]], places: Sequence[Place]) -> dict[str, Any]:
    return {
        "groups": len(groups),
        "rows": sum(map(len, groups)),
        "repeats": sum(map(len, groups)) - len(groups),
        "found": [
            {"rows": len(one), "places": told([places[at] for at in one[:12]])}
            for one in groups[:SHOWN]
        ],
    }


def _greatest(one: tuple[int, int]) -> tuple[int, int]:
    return -one[0], one[1]
