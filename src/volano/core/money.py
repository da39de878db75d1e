"""Money is integer nano-units with a currency: no floats, no silent mixing."""

from dataclasses import dataclass

from volano.core.errors import InvalidError


class MixedCurrencyError(InvalidError):
    """{left} and {right} cannot be added: there is no exchange rate here."""


@dataclass(frozen=True, slots=True)
class Money:
    """`nano` billionths of one unit of `currency` (ISO 4217)."""

    nano: int
    currency: str = "USD"

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise MixedCurrencyError(left=self.currency, right=other.currency)
        return Money(self.nano + other.nano, self.currency)

    def __str__(self) -> str:
        sign = "-" if self.nano < 0 else ""
        whole, rest = divmod(abs(self.nano), 10**9)
        decimals = f"{rest:09d}".rstrip("0").ljust(2, "0")
        return f"{sign}{whole}.{decimals} {self.currency}"
