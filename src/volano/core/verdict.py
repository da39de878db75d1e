"""A Verdict is what a check, a gate or a test says, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["pass", "fail", "wait", "unmeasured"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`wait` is a verdict too: there is not enough evidence yet, and it says how much is.

    So is `unmeasured`: there is nothing here that could tell. Neither is ever taken for a `pass`.
    """

    outcome: Outcome
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.outcome == "pass"
