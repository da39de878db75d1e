"""Features of texts that need no language: hashed counts of character n-grams.

A text is brought to NFC and casefolded, its white space becomes single spaces,
and each run of two and of three characters is counted in one of `BUCKETS`
places. Chinese needs no words for that and Hungarian no stems. The hash is a
fixed mix of the code points (the finaliser of SplitMix64: Steele, Lea & Flood
2014, OOPSLA), so features of last month and of today agree on every machine.
Hashing costs almost no power: Weinberger et al. 2009, ICML, arXiv 0902.2206.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volano.core.text import nfc

BUCKETS = 2048
ORDERS = (2, 3)
MAX_CHARS = 2000
"""Characters read of a text: its first and its last thousand. A long document's middle says little
about what is asked, and much about what was pasted."""

Features = NDArray[np.uint8]


def features(texts: Iterable[str | None]) -> Features:
    """Return a row of `BUCKETS` counts (at most 255) for each text; no text is a row of zeros."""
    rows = [_row(text) for text in texts]
    return np.stack(rows) if rows else np.zeros((0, BUCKETS), np.uint8)


def weigh(counts: Features) -> NDArray[np.float32]:
    """Return rows of length 1: log counts, times how rare a place is among all these rows.

    Give it both samples together: weights that were fitted to one of them would tell them apart
    where nothing changed, and a permutation test would no longer be exact.
    """
    present = (counts > 0).sum(axis=0)
    rare = np.log((len(counts) + 1) / (present + 0.5)).clip(0).astype(np.float32)
    rows = np.log1p(counts.astype(np.float32)) * rare
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-9)


def _row(text: str | None) -> Features:
    if not text:
        return np.zeros(BUCKETS, np.uint8)
    points = _points(text)
    places = [_mixed(points, order) for order in ORDERS if len(points) >= order]
    counts = np.bincount(np.concatenate(places), minlength=BUCKETS)
    return counts.clip(max=255).astype(np.uint8)


def _points(text: str) -> NDArray[np.uint64]:
    if len(text) > MAX_CHARS:
        text = f"{text[: MAX_CHARS // 2]} {text[-MAX_CHARS // 2 :]}"
    folded = f" {' '.join(nfc(nfc(text).casefold()).split())} "
    return np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)


def _mixed(points: NDArray[np.uint64], order: int) -> Any:
    """Return the place of each n-gram: its code points, 21 bits each, mixed."""
    end = len(points) - order + 1
    key = np.full(end, order, np.uint64)
    for at in range(order):
        key = (key << np.uint64(21)) ^ points[at : at + end]
    key += np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        key = (key ^ (key >> np.uint64(shift))) * np.uint64(factor)
    return ((key ^ (key >> np.uint64(31))) % np.uint64(BUCKETS)).astype(np.int64)
