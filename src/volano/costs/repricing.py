"""Repricing: recorded calls get the cost that the book says now.

The wish goes through the spool as a frame, as all that becomes a record: the
recorder is the only writer of the records, and a wish is on the disk when it was
accepted. It is a sink of the recorder's (`Repricing`): rows and the sums over
them change in one transaction.

What was taken to cost what it was held for stays so, as its usage is not known;
so does what was never asked, or came out of a cache.
"""

import sqlite3
from collections.abc import Sequence

import msgspec
import zstandard

from volano.costs.price import HELD, NOT_ASKED
from volano.costs.pricing import Pricing
from volano.traces.row import READERS, read_content

CACHED = "cache"
_LEFT = (HELD, NOT_ASKED, CACHED)
_CALLS = """
SELECT seq, began_us, latency_us, target, model, provider, outcome, door, request, response,
       cost_nano, cost_currency, priced_by
FROM calls WHERE began_us >= ? AND began_us < ? AND outcome <> 'refused'
  AND (? = '' OR target = ?) AND (? = '' OR model = ?)
  AND (priced_by IS NULL OR priced_by NOT IN (?, ?, ?))
"""
_SET = "UPDATE calls SET cost_nano = ?, cost_currency = ?, priced_by = ? WHERE seq = ?"


class Reprice(msgspec.Struct, array_like=True, gc=False):
    """Price calls anew that began in [since_us, until_us); empty texts are any target, any model."""

    since_us: int
    until_us: int
    target: str = ""
    model: str = ""


encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Reprice).decode


class Repricing:
    """The recorder's sink for `Reprice`."""

    def __init__(self, pricing: Pricing):
        self._pricing = pricing
        self._open = zstandard.ZstdDecompressor().decompress

    def __call__(self, conn: sqlite3.Connection, payloads: Sequence[bytes]) -> Sequence[int]:
        """Carry them out; return which could not be read."""
        bad = []
        for n, payload in enumerate(payloads):
            try:
                wish = _decode(payload)
            except msgspec.DecodeError:
                bad.append(n)
                continue
            self._carry_out(conn, wish)
        return bad

    def _carry_out(self, conn: sqlite3.Connection, wish: Reprice) -> None:
        which = (wish.target, wish.target, wish.model, wish.model)
        cursor = conn.execute(_CALLS, (wish.since_us, wish.until_us, *which, *_LEFT))
        names = [column[0] for column in cursor.description]
        changes = []
        for values in cursor:
            row = dict(zip(names, values, strict=True))
            was = row["cost_nano"], row["cost_currency"], row["priced_by"]
            request, response = (self._plain(row[name]) for name in ("request", "response"))
            row["usage"] = READERS.get(row["door"], read_content)(request, response).usage
            row |= {"cost_nano": None, "cost_currency": None, "priced_by": None, "held_nano": None}
            priced = self._pricing(row)
            now = priced["cost_nano"], priced["cost_currency"], priced["priced_by"]
            if now[0] is not None and now != was:
                changes.append((*now, row["seq"]))
        conn.executemany(_SET, changes)

    def _plain(self, body: bytes | None) -> bytes:
        return b"" if body is None else self._open(body)
