"""What came back for one case, in one repetition."""

from collections.abc import Mapping
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import asdict, replace


class Answered(Struct, frozen=True, gc=False):
    """What came back for one row. `error` says why there is no answer; then `answer` is empty.

    `latency_us` is the time from asking to the whole answer, with the other rows in flight.
    `cost_nano` is in billionths of `currency`; None where no price is known. `tools` are the
    calls of tools in order, each `{"name": ..., "arguments": {...}}`. `repetition` counts from 0.
    """

    id: str
    answer: str
    finish_reason: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    error: str | None = None
    latency_us: int | None = None
    repetition: int = 0
    cost_nano: int | None = None
    currency: str = ""
    tools: tuple[Mapping[str, Any], ...] = ()
    model: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    def but(self, **facts: Any) -> Self:
        """Return this answer with other facts."""
        return replace(self, **facts)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Answered":
        """Read one back from a journal or a report; fields that are newer are left out."""
        known = {name: value for name, value in raw.items() if name in cls.__struct_fields__}
        return cls(**{**known, "tools": tuple(known.get("tools", ()))})
