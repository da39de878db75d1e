"""MinHash with banding: which texts may be alike, found without comparing all with all.

MinHash (Broder 1997) keeps, for each of some permutations, the least hash of a
set; two sets agree in one place with the probability of their Jaccard
similarity. Rows that agree in all places of one band are candidates
(Leskovec, Rajaraman, Ullman, *Mining of Massive Datasets*, §3.4): b bands of
r places find a pair of similarity s with probability 1 - (1 - s^r)^b.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import rensa

from volano.data.shingles import Batch, Hashes

FOUND = 0.998
"""How surely a pair right at the threshold becomes a candidate; a more similar one more so."""
PLACES, MOST_PLACES = 64, 256
"""Places of a signature: half the usual 128 take half the time. More where bands of so few
places would be of one or two, which tell little."""
_MIX = np.uint64(0x9FB21C651E98DF25)


@dataclass(frozen=True, slots=True)
class Bands:
    """How a signature is cut: `count` bands of `rows` places each."""

    count: int
    rows: int

    @classmethod
    def of(cls, threshold: float) -> "Bands":
        """Return the most telling bands that find a pair at the threshold as surely as `FOUND`."""
        best = cls(_bands(threshold, 2), 2)
        for rows in range(3, 33):
            bands = cls(_bands(threshold, rows), rows)
            if bands.rows * bands.count > (PLACES if best.rows > 2 else MOST_PLACES):
                break
            best = bands
        return best

    def keys(self, batch: Batch, guards: Hashes | None = None) -> Hashes:
        """Return a key for each text and band, as an array of (texts, bands).

        Only texts with the same guard can share a key. A text without shingles
        gets keys too; they mean nothing.
        """
        places = self.count * self.rows
        matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(
            batch.flat, batch.starts.astype(np.uint64), places, 1
        )
        signs = np.array(matrix.to_rows(), np.uint32).reshape(-1, self.count, self.rows)
        keys: npt.NDArray[np.uint64] = signs[:, :, 0].astype(np.uint64)
        for row in range(1, self.rows):
            keys *= _MIX
            keys += signs[:, :, row]
        if guards is not None:
            keys ^= guards[:, None] * _MIX
        keys ^= keys >> np.uint64(32)
        keys *= _MIX
        return keys


def _bands(threshold: float, rows: int) -> int:
    missed = 1 - threshold**rows
    return 1 if missed <= 0 else math.ceil(math.log(1 - FOUND) / math.log(missed))
