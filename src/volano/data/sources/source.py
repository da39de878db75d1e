"""A Source gives rows from some place, one after the other, and says of each where it came from.

What cannot be read is set aside with a reason, and reading goes on: nothing
that somebody else wrote ends a run. Memory does not grow with the source.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from volano.core.plugins import Registry
from volano.core.principal import Principal
from volano.data.step import Record, Rejected

Reject = Callable[[Rejected], None]
STEP = "source"
"""What stands as the step of a row that a source sets aside."""
_EXCERPT = 1000


@runtime_checkable
class Source(Protocol):
    """Some place that rows come from."""

    def rows(self, reject: Reject) -> Iterator[Record]:
        """Yield the rows, each with its `origin`; hand over what cannot be read."""
        ...

    def fingerprint(self) -> str:
        """Return a text that is another one when the content may have changed."""
        ...

    def state(self) -> Mapping[str, Any]:
        """Return what an incremental next time needs, as plain JSON: all that was read so far.

        A source that is opened with a state gives only what is new or changed since.
        """
        ...


class Versions(Protocol):
    """The datasets of a workspace, as far as a source asks them."""

    def digest(self, ref: str) -> tuple[str, str]:
        """Return a dataset's ref with its number, and its digest."""
        ...

    def rows(self, ref: str, split: str | None) -> Iterator[Record]:
        """Yield a dataset's rows."""
        ...

    def seen_by(self, by: Principal) -> "Versions":
        """Return the same datasets as this principal may see them."""
        ...


@dataclass(frozen=True, slots=True)
class Around:
    """What a source finds around it: its folder, what is known from last time, the clock, ports.

    `root` is the recipe's folder: relative paths count from it, and an
    `origin` names files as seen from it.
    """

    root: Path = field(default_factory=Path)
    since: Mapping[str, Any] | None = None
    now_us: Callable[[], int] = lambda: time.time_ns() // 1000
    sleep: Callable[[float], None] = time.sleep
    versions: Versions | None = None
    traces: Any = None
    feedbacks: Any = None


Opener = Callable[[Mapping[str, Any], Around], Source]

SOURCES: Registry[Opener] = Registry("kind of source")
"""All kinds of sources by the key that names them; packages bring more by `volano.plugins`."""


def set_aside(
    reject: Reject, origin: Mapping[str, Any], reason: str, detail: str | None = None,
    *, excerpt: str | bytes | None = None,
) -> None:  # fmt: skip
    """Say that something cannot be read: where it stands, why, and how it begins."""
    row: Record = {"origin": dict(origin)}
    if excerpt:
        if isinstance(excerpt, bytes):
            excerpt = excerpt[: _EXCERPT * 4].decode(errors="replace")
        row["excerpt"] = excerpt[:_EXCERPT].encode(errors="replace").decode()
    reject(Rejected(row, STEP, reason, detail))


def with_origin(row: Record, origin: Mapping[str, Any]) -> Record:
    """Return the row with where it came from; an origin that it brought along stands within."""
    before = row.get("origin")
    row["origin"] = {**origin, "from": before} if before is not None else dict(origin)
    return row
