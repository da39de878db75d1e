"""A Take: what one player answered once, how long it took and what it cost."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from volano.core.ports.chat import Answer
from volano.evals.answered import Answered

State = Literal["answered", "empty", "refused", "cut", "error"]
_REASONS: Mapping[str, State] = {"length": "cut", "cut": "cut", "content_filter": "refused"}


@dataclass(frozen=True, slots=True)
class Take:
    """`first_us` is the time until the first piece, `latency_us` until the last one.

    `cost_nano` is in billionths of `currency`; None where no price is known (yet: what a channel
    costs is known when it is recorded, and which `release` answered). `trace` is where the call is. `scores` are those
    of a row; a score that could not be given is None there, and `unmeasured` says why.
    """

    player: str
    state: State
    text: str = ""
    error: str = ""
    hint: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    first_us: int | None = None
    latency_us: int | None = None
    cost_nano: int | None = None
    currency: str = ""
    trace: str = ""
    channel: str = ""
    release: str = ""
    scores: Mapping[str, float | None] = field(default_factory=dict)
    unmeasured: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    def answered(self, row_id: str) -> Answered:
        """Return it as scorers read it."""
        return Answered(
            row_id, self.text, "length" if self.state == "cut" else "stop", self.prompt_tokens,
            self.completion_tokens, self.error or None, self.latency_us,
            cost_nano=self.cost_nano, currency=self.currency, model=self.player,
        )  # fmt: skip


def state_of(answer: Answer) -> State:
    """Return how an answer ended."""
    if answer.finish_reason in _REASONS:
        return _REASONS[answer.finish_reason]
    return "answered" if answer.text.strip() else "empty"
