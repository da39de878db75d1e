"""What an answer took, and how long it is: time, money, tokens, characters."""

from dataclasses import dataclass
from typing import ClassVar

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scorers.normal import words
from volano.evals.scorers.one import One, check_choice, check_number
from volano.evals.scoring import SCORERS, Tools, Unit, Unmeasured, Value


@SCORERS.register("latency")
@dataclass(frozen=True)
class Latency(One):
    """Milliseconds from asking to the whole answer, with the other rows in flight; less is better."""

    name: ClassVar[str] = "latency"
    unit: ClassVar[Unit] = "ms"
    bigger: ClassVar[bool] = False

    def of(self, case: Case, answered: Answered, tools: Tools) -> Value | None:
        """Return the time; unmeasured where it was not taken."""
        if answered.latency_us is None:
            return Unmeasured("its time was not taken")
        return answered.latency_us / 1000


@SCORERS.register("cost")
@dataclass(frozen=True)
class Cost(One):
    """Money for the answer, in the currency of its price; less is better. Unmeasured without a price.

    Answers in different currencies cannot be averaged: say `currency`, and those in another are unmeasured.
    """

    name: ClassVar[str] = "cost"
    unit: ClassVar[Unit] = "money"
    bigger: ClassVar[bool] = False

    currency: str = ""

    def of(self, case: Case, answered: Answered, tools: Tools) -> Value | None:
        """Return the cost."""
        if answered.cost_nano is None:
            return Unmeasured("no price is known")
        if self.currency and answered.currency != self.currency:
            return Unmeasured(f"its price is in {answered.currency or 'no currency'}")
        return answered.cost_nano / 1e9


@SCORERS.register("length")
@dataclass(frozen=True)
class Length(One):
    """Characters of the answer (Unicode code points). Less counts as better; a limit is `within_length`."""

    name: ClassVar[str] = "length"
    unit: ClassVar[Unit] = "characters"
    bigger: ClassVar[bool] = False

    def of(self, case: Case, answered: Answered, tools: Tools) -> Value | None:
        """Return the length."""
        return float(len(answered.answer))


@SCORERS.register("tokens")
@dataclass(frozen=True)
class Tokens(One):
    """Tokens of the answer, as the other side counts them; less is better. Unmeasured where it does not tell."""

    name: ClassVar[str] = "tokens"
    unit: ClassVar[Unit] = "tokens"
    bigger: ClassVar[bool] = False

    def of(self, case: Case, answered: Answered, tools: Tools) -> Value | None:
        """Return the tokens."""
        if answered.completion_tokens is None:
            return Unmeasured("the other side does not tell its tokens")
        return float(answered.completion_tokens)


@SCORERS.register("within_length")
@dataclass(frozen=True)
class WithinLength(One):
    """1 when the answer has at least `least` and at most `most` `of_what`: characters, words or tokens."""

    name: ClassVar[str] = "within_length"

    least: int = 0
    most: int = 10**9
    of_what: str = "characters"

    def __post_init__(self) -> None:
        check_choice(self.name, "of_what", self.of_what, ("characters", "words", "tokens"))
        check_number(self.name, "least", self.least, least=0, most=10**9)
        check_number(self.name, "most", self.most, least=self.least, most=10**9)

    def of(self, case: Case, answered: Answered, tools: Tools) -> Value | None:
        """Return whether it is within."""
        if self.of_what == "tokens":
            if answered.completion_tokens is None:
                return Unmeasured("the other side does not tell its tokens")
            return float(self.least <= answered.completion_tokens <= self.most)
        told = len(answered.answer if self.of_what == "characters" else words(answered.answer))
        return float(self.least <= told <= self.most)
