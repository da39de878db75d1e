"""Numbers that are equal, or near enough."""

from dataclasses import dataclass
from typing import ClassVar

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scorers.numbers import LOOK, numbers
from volano.evals.scorers.one import One, check_choice, check_number, references
from volano.evals.scoring import SCORERS, Tools, Unmeasured, Value


@SCORERS.register("numeric")
@dataclass(frozen=True)
class Numeric(One):
    """1 when the answer's number is the label's: off by at most `tolerance`, or by the share `relative`.

    `which` number of the answer counts: the `last`, the `first`, or the `only` one. Read are `1.234,56`, `1,234.56`,
    `1 234,56`, `1'234.56`, `6.02e23`, `5×10⁶`, `½`, `3 млн`, `1,5 Mio.`, `2.5万`, `三百二十一`, `百分之五`, full-width and
    other digits. Where `decimal` is `auto`, `1.234` may mean either number, and either counts; say `.` or `,` where
    that matters. `12 %` is both 0.12 and 12. A label without a number leaves the row unmeasured.
    """

    name: ClassVar[str] = "numeric"

    tolerance: float = 0.0
    relative: float = 0.0
    which: str = "last"
    decimal: str = "auto"

    def __post_init__(self) -> None:
        check_choice(self.name, "which", self.which, ("last", "first", "only"))
        check_choice(self.name, "decimal", self.decimal, ("auto", ".", ","))
        check_number(self.name, "tolerance", self.tolerance, least=0, most=1e300)
        check_number(self.name, "relative", self.relative, least=0, most=1)

    def of(self, case: Case, answered: Answered, tools: Tools) -> Value | None:
        """Return whether the numbers are near; nothing where labels are objects."""
        wanted = [one for text in references(case) for one in self._wanted(text)]
        if not wanted:
            return Unmeasured("the label is no number") if references(case) else None
        said = self._said(answered.answer)
        return float(any(self._near(a, b) for a in said for b in wanted))

    def _wanted(self, text: str) -> tuple[float, ...]:
        found = list(numbers(text[:LOOK], decimal=self.decimal))
        return found[-1] if found else ()

    def _said(self, text: str) -> tuple[float, ...]:
        part = text[:LOOK] if self.which == "first" else text[-LOOK:]
        found = list(numbers(part, decimal=self.decimal))
        if not found or (self.which == "only" and len(found) > 1):
            return ()
        return found[0] if self.which == "first" else found[-1]

    def _near(self, said: float, wanted: float) -> bool:
        slack = max(self.tolerance, self.relative * abs(wanted))
        return said == wanted or abs(said - wanted) <= slack * (1 + 1e-12)
