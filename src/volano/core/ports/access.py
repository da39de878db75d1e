"""Access: may these rows be read or written, and which columns are hidden? Datasets ask it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from volano.core.principal import Principal

Renamed = Mapping[str, str]
"""What columns of other datasets are called in a new one, by their old names."""

NOT_RENAMED: Renamed = MappingProxyType({})

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

    def see(self, dataset: str, *, by: Principal) -> None:
        """Let somebody see what a dataset is: its columns, counts and makers. It is no read of rows.

        Raises:
            ForbiddenError: its rows are not for this principal, so neither is that.
        """
        ...

    def seen(self, datasets: Iterable[str], *, by: Principal) -> frozenset[str]:
        """Return those of these datasets that `see` lets in."""
        ...

    def inherit(
        self, dataset: str, of: Sequence[str], *, renamed: Renamed = NOT_RENAMED, by: Principal
    ) -> None:
        """Let a dataset that has no version yet be for those only whom these are for.

        `renamed` says what columns of those are called here: they keep their class.
        """
        ...

    def write(
        self,
        dataset: str,
        *,
        of: Sequence[str] = (),
        renamed: Renamed = NOT_RENAMED,
        by: Principal,
    ) -> None:
        """Let a new version in, that is made of other datasets.

        Raises:
            ForbiddenError: this principal may not.
        """
        ...
