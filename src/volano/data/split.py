"""Splits by content: a text's side follows from the text and the seed, and from nothing else.

So rows may come in any order and in any number, today and next year: a text
that was for testing stays for testing, and never slips into training.
"""

import hashlib
from collections.abc import Sequence

from volano.data.errors import BadShareError
from volano.data.fold import fold
from volano.data.row import Row


def position(text: str, seed: int) -> float:
    """Return where in [0, 1) the folded text falls under this seed."""
    head = hashlib.sha256(f"{seed}\0{fold(text)}".encode()).digest()[:8]
    return (int.from_bytes(head, "big") >> 11) / 2**53


def split(rows: Sequence[Row], *, test_share: float, seed: int) -> tuple[list[Row], list[Row]]:
    """Return (train, test), about `test_share` of the rows in test, each in the given order.

    Of two texts or more at least one goes to each side, with all rows that have it;
    a share of 0 keeps no test rows at all.

    Raises:
        BadShareError: the share is below 0, or leaves nothing for training.
    """
    if not 0 <= test_share < 1:
        raise BadShareError(share=test_share)
    if test_share == 0:
        return list(rows), []
    places = [position(row.text, seed) for row in rows]
    for_test = {at for at, place in enumerate(places) if place < test_share}
    if rows and not for_test:
        first = min(places)
        for_test = {at for at, place in enumerate(places) if place == first}
    if len(for_test) == len(rows):
        last = max(places, default=0.0)
        for_test = {at for at, place in enumerate(places) if place < last}
    train = [row for at, row in enumerate(rows) if at not in for_test]
    return train, [rows[at] for at in sorted(for_test)]
