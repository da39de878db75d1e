"""Pricing: the recorder's `Annotate` that gives a trace its cost.

What a call settled in the gateway stands in its frame and goes first: then
purse and trace say the same. Otherwise the usage is priced by the book. A call
that was cut, with a hold and no usage, costs what it held: the provider may have
answered to the end. Without price or usage a cost is unknown: null, never zero.
"""

from collections.abc import Callable
from typing import Any

from volano.costs.book import Book
from volano.costs.price import HELD, NOT_ASKED, cost


class Pricing:
    """Fills `cost_nano`, `cost_currency` and `priced_by` of a row."""

    def __init__(self, book: Callable[[], Book]):
        self._book = book

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        if row["cost_nano"] is None:
            self._price(row)
        if row["cost_nano"] is None:
            row["cost_currency"] = row["priced_by"] = None
        return row

    def _price(self, row: dict[str, Any]) -> None:
        usage, model, target = row["usage"], row["model"], row["target"]
        if row["outcome"] == "refused":
            row["cost_nano"], row["priced_by"] = 0, NOT_ASKED
        elif usage is not None:
            provider, slash, name = model.partition("/")
            found = self._book().find(
                name if slash and not row["provider"] else model,
                at_us=row["began_us"],
                target=target,
                provider=row["provider"] or (provider if slash else ""),
            )
            if found is not None:
                row["cost_nano"] = cost(found, usage, duration_us=row["latency_us"])
                row["cost_currency"], row["priced_by"] = found.currency, found.source
        if row["cost_nano"] is None and row["held_nano"] is not None:
            row["cost_nano"], row["priced_by"] = row["held_nano"], HELD
