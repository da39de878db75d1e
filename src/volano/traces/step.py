"""A Step: a call or a span in its place in a trace, without its texts."""

from dataclasses import dataclass
from typing import Literal

What = Literal["call", "span"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `what` says whether the gateway saw it or its application sent it.

    Times are microseconds UTC, cost is in nano-units of its currency. `name` is a
    span's, or the channel of a call; `children` counts the steps right below, as
    far as `MANY`.
    """

    what: What
    seq: int
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    began_us: int
    ended_us: int
    latency_us: int
    outcome: str
    error: str | None
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_nano: int | None
    cost_currency: str | None
    children: int = 0

    @property
    def failed(self) -> bool:
        """Whether it went wrong; a client that left and a refused call did not."""
        return self.outcome in ("error", "cut")

    @property
    def cursor(self) -> str:
        """Where a page goes on after this step."""
        return f"{self.began_us}.{self.what[0]}{self.seq}"


MANY = 10_000
"""More children are not counted one by one."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A trace as a whole: how many calls and spans, how many failed, from when to when."""

    id: str
    calls: int
    spans: int
    failed: int
    began_us: int
    ended_us: int

    @property
    def steps(self) -> int:
        """Calls and spans together."""
        return self.calls + self.spans


@dataclass(frozen=True, slots=True)
class StepPage:
    """Some steps below one parent, and where the next ones begin; None: that was all."""

    steps: tuple[Step, ...]
    following: str | None
