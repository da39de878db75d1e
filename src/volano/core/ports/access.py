"""Access: may these rows be read or written, and which columns are hidden? Datasets ask it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from volano.core.principal import Principal

MASK = "***"
"""What stands where a value is not for its reader."""


class Reading(Protocol):
    """One read that was let in, and is on record. `masked` are the columns it does not see."""

    masked: frozenset[str]

    def row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row as this reader may see it, and count it."""
        ...

    def veiled(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row as this reader may see it, and do not count it."""
        ...

    def rows(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the rows as this reader may see them, and close at the end."""
        ...

    def close(self) -> None:
        """Write down how many rows were read."""
        ...


class Access(Protocol):
    """Handed to the datasets."""

    def read(
        self,
        dataset: str,
        version: str,
        digest: str,
        *,
        split: str,
        columns: Sequence[str] = (),
        by: Principal,
        run: str | None = None,
        whole: bool = False,
    ) -> Reading:
        """Let a read in; it is on record before the first row is given.

        `columns` are those that were asked for; none means all. A `whole` read
        is refused where it would have asterisks, as that of a Run is.

        Raises:
            ForbiddenError: this principal may not.
        """
        ...

    def inherit(self, dataset: str, of: Sequence[str], *, by: Principal) -> None:
        """Let a dataset that has no version yet be for those only whom these are for."""
        ...

    def write(self, dataset: str, *, of: Sequence[str] = (), by: Principal) -> None:
        """Let a new version in, that is made of other datasets.

        Raises:
            ForbiddenError: this principal may not.
        """
        ...
