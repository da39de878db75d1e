"""Follow: a file of an artifact may name further bytes; who wrote it can say which."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Named:
    """What a blob names, by digest: `pages` name further blobs in the same way, `ends` do not."""

    pages: Sequence[str] = ()
    ends: Sequence[str] = ()


class Follow(Protocol):
    """Handed to the store for all files whose path ends in a certain way, such as `.rows`."""

    def __call__(self, data: bytes) -> Named:
        """Read what these bytes name.

        Raises:
            IntegrityError: they are not what such a file holds.
        """
        ...
