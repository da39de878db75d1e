"""Publish: put a new snapshot before the gateway's workers."""

from typing import Protocol


class Publish(Protocol):
    """Handed to the rooms whose changes the data plane must see: keys, releases."""

    def __call__(self) -> int:
        """Build and publish the snapshot; return its generation number."""
        ...
