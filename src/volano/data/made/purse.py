"""The purse: how many answers, tokens and how much money a step may spend, counted in the rows' order.

What is counted is what answers cost, whether they were asked for now or are
known from before. So the same rows are made from the same answers, and a run
that goes on after a crash stops where the first would have.
"""

from dataclasses import dataclass

from volano.data.made.asker import Answer


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost, going in and coming out."""

    input: float = 0.0
    output: float = 0.0

    def of(self, answer: Answer) -> float:
        """Return what an answer costs."""
        told = answer.input_tokens * self.input + answer.output_tokens * self.output
        return told / 1_000_000


@dataclass(slots=True)
class Purse:
    """Limits of 0 are none."""

    max_calls: int = 0
    max_tokens: int = 0
    max_cost: float = 0.0
    prices: Prices = Prices()
    calls: int = 0
    tokens: int = 0
    cost: float = 0.0
    _most: tuple[int, float] = (0, 0.0)

    def over(self) -> str:
        """Return which limit is reached; nothing when none is."""
        if self.max_calls and self.calls >= self.max_calls:
            return "max_calls reached"
        if self.max_tokens and self.tokens >= self.max_tokens:
            return "max_spent_tokens reached"
        if self.max_cost and self.cost >= self.max_cost:
            return "max_cost reached"
        return ""

    def unsure(self, under_way: int) -> bool:
        """Whether answers under way may use up the rest, judged by the dearest so far."""
        if not under_way:
            return False
        tokens, cost = self._most
        if self.max_tokens and (not tokens or self.tokens + under_way * tokens >= self.max_tokens):
            return True
        return bool(self.max_cost and (not cost or self.cost + under_way * cost >= self.max_cost))

    def admit(self) -> None:
        """Count a row whose answer is used, or asked for."""
        self.calls += 1

    def pay(self, answer: Answer) -> None:
        """Count what an answer cost."""
        tokens, cost = answer.input_tokens + answer.output_tokens, self.prices.of(answer)
        self.tokens += tokens
        self.cost += cost
        self._most = (max(self._most[0], tokens), max(self._most[1], cost))
