"""Whose turn it is: what answers a call now, and hears of its client."""

from typing import Protocol


class Turn(Protocol):
    """What answers a call: an upstream (`answer`), or the cache (`replay`)."""

    def left(self) -> None:
        """The client is gone before the answer was finished."""
        ...

    def stop(self) -> None:
        """The worker ends: end the answer now."""
        ...

    def pause(self) -> None:
        """The client reads slowly."""
        ...

    def resume(self) -> None:
        """The client reads again."""
        ...
