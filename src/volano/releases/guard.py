"""A Guard: a count rule without statistics, for a release that is simply broken."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guard:
    """A count rule without statistics: `failed` of the candidate's last `of` calls failed."""

    failed: int = 20
    of: int = 25

    def __str__(self) -> str:
        return f"{self.failed} of the last {self.of} calls failed"
