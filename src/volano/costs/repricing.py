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
from typing import Any

import msgspec
import zstandard

from volano.costs.price import HELD, NOT_ASKED
from volano.costs.pricing import Pricing
from volano.traces.row import READERS, read_content
from volano.traces.sealed.wishes import Price, wish
from volano.traces.sealed.within import Within
from volano.wire.exchange import Usage

CACHED = "cache"
_LEFT = (HELD, NOT_ASKED, CACHED)
BROKEN = ("cut", "left")
KIND = "reprice"
_COLUMNS = (
    *("began_us", "latency_us", "target", "model", "provider", "outcome", "door"),
    *("request", "response", "cost_nano", "cost_currency", "priced_by"),
    *("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"),
)
_WHICH = """
outcome <> 'refused' AND (? = '' OR target = ?) AND (? = '' OR model = ?)
AND (priced_by IS NULL OR priced_by NOT IN (?, ?, ?))
"""
_CALLS = f"""
SELECT seq, {", ".join(_COLUMNS)} FROM calls WHERE began_us >= ? AND began_us < ? AND {_WHICH}
"""  # noqa: S608 - constants
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
    """The recorder's sink for `Reprice`, and who prices calls that are sealed already."""

    columns = _COLUMNS

    def __init__(self, pricing: Pricing):
        self._pricing = pricing
        self._open = zstandard.ZstdDecompressor().decompress

    def __call__(self, conn: sqlite3.Connection, payloads: Sequence[bytes]) -> Sequence[int]:
        """Carry them out; return which could not be read."""
        bad = []
        for n, payload in enumerate(payloads):
            try:
                asked = _decode(payload)
            except msgspec.DecodeError:
                bad.append(n)
                continue
            self._carry_out(conn, asked)
            wish(conn, KIND, payload)
        return bad

    def scope(self, payload: bytes) -> tuple[str, Sequence[Any], Within]:
        """Return which sealed calls a wish is of."""
        asked = _decode(payload)
        return _WHICH, _values(asked), Within(asked.since_us, asked.until_us)

    def price(self, row: dict[str, Any]) -> Price | None:
        """Return what a call costs now; None: no price or no usage is known, the old one stays."""
        request, response = (self._plain(row[name]) for name in ("request", "response"))
        told = READERS.get(row["door"], read_content)(request, response).usage
        row["usage"] = _recorded(row) if told is None else told
        row |= {"cost_nano": None, "cost_currency": None, "priced_by": None, "held_nano": None}
        priced = self._pricing(row)
        now = priced["cost_nano"], priced["cost_currency"], priced["priced_by"]
        return None if now[0] is None else now

    def _carry_out(self, conn: sqlite3.Connection, asked: Reprice) -> None:
        cursor = conn.execute(_CALLS, (asked.since_us, asked.until_us, *_values(asked)))
        names = [column[0] for column in cursor.description]
        changes = []
        for values in cursor:
            row = dict(zip(names, values, strict=True))
            was = row["cost_nano"], row["cost_currency"], row["priced_by"]
            now = self.price(row)
            if now is not None and now != was:
                changes.append((*now, row["seq"]))
        conn.executemany(_SET, changes)

    def _plain(self, body: bytes | None) -> bytes:
        return b"" if body is None else self._open(body)


def _recorded(row: dict[str, Any]) -> Usage | None:
    """Return the usage that the gateway told of an answer that broke off."""
    if row["outcome"] not in BROKEN or None in (row["prompt_tokens"], row["completion_tokens"]):
        return None
    return Usage(
        input=row["prompt_tokens"], output=row["completion_tokens"],
        cached=row["cached_tokens"] or 0, reasoning=row["reasoning_tokens"] or 0,
    )  # fmt: skip


def _values(asked: Reprice) -> tuple[str, ...]:
    return (asked.target, asked.target, asked.model, asked.model, *_LEFT)
