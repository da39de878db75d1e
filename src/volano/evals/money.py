"""What a suite may spend: held before each call, settled after it.

Held is the most that a call can cost, so that the sum is never passed by more than what a
provider charges beyond its own price list.
"""

import re
from decimal import Decimal

from volano.core.money import Money
from volano.costs.price import Price, cost, worst_case_of_text
from volano.evals.errors import BadMoneyError
from volano.wire.exchange import Usage

_SAID = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([A-Z]{3})?")


def parse(text: str) -> Money:
    """Return the sum that a text says; dollars where it names no currency.

    Raises:
        BadMoneyError: it says none.
    """
    found = _SAID.fullmatch(text.strip())
    if not found:
        raise BadMoneyError(money=text[:40])
    return Money(int(Decimal(found[1]) * 10**9), found[2] or "USD")


class Spending:
    """Counts what the calls of a suite cost, at one price; without a price it counts nothing."""

    def __init__(self, price: Price | None, most: Money | None = None, *, spent_nano: int = 0):
        self.price = price
        self.most = most
        self.spent_nano = spent_nano
        self._held = 0

    def worst(self, prompt_bytes: int, max_tokens: int) -> int:
        """Return the most that a call can cost, in billionths of the price's currency."""
        return 0 if self.price is None else worst_case_of_text(self.price, prompt_bytes, max_tokens)

    def hold(self, nano: int) -> bool:
        """Set so much aside; False when that would go beyond what may be spent."""
        if self.most is not None and self.spent_nano + self._held + nano > self.most.nano:
            return False
        self._held += nano
        return True

    def let_go(self, nano: int) -> None:
        """Free what was held for a call that cost nothing."""
        self._held -= nano

    def settle(
        self, held: int, prompt: int | None, completion: int | None, took_us: int
    ) -> int | None:
        """Replace what was held by what a call cost, and return that; None where nobody can tell.

        A call whose tokens are not told counts as the most that it could cost.
        """
        self._held -= held
        if self.price is None:
            return None
        if prompt is None and completion is None:
            self.spent_nano += held
            return None
        usage = Usage(input=prompt or 0, output=completion or 0)
        paid = cost(self.price, usage, duration_us=took_us)
        self.spent_nano += paid
        return paid
