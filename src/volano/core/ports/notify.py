"""Notify: tell people or programs of alerts: a webhook, a mail, a pager, a command."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from volano.core.errors import InvalidError, UnavailableError

SHOWN = 10
"""Lines of a message that people read; the rest is told as a number."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one alert. `burning`: how many of its rule burn now, this one included or not."""

    alert: int
    rule: str
    state: Literal["firing", "resolved", "test"]
    severity: str
    labels: Mapping[str, str]
    told: str
    at_us: int
    since_us: int
    url: str
    burning: int = 1
    again: bool = False

    def line(self) -> str:
        """Say it in one line."""
        of = ", ".join(f"{name}={value}" for name, value in self.labels.items())
        state = "still firing" if self.again else self.state
        return f"{state}: {self.rule}{f' ({of})' if of else ''}: {self.told}"


@dataclass(frozen=True, slots=True)
class Notice:
    """What one receiver is told at once. The same `id` again is the same notice, tried again."""

    id: str
    workspace: str
    changes: Sequence[Change]
    url: str

    @property
    def title(self) -> str:
        """Say what it is about."""
        firing = sum(change.state == "firing" for change in self.changes)
        resolved = sum(change.state == "resolved" for change in self.changes)
        said = [f"{n} {word}" for n, word in ((firing, "firing"), (resolved, "resolved")) if n]
        return f"{self.workspace}: {', '.join(said) or 'a test of alerts'}"

    def lines(self) -> list[str]:
        """Return what people read: the first changes, and how many more there are."""
        more = len(self.changes) - SHOWN
        told = [change.line() for change in self.changes[:SHOWN]]
        return [*told, f"and {more} more"] if more > 0 else told

    def to_dict(self) -> dict[str, Any]:
        """Return what programs read: every change."""
        return {
            "id": self.id, "workspace": self.workspace, "title": self.title, "url": self.url,
            "lines": self.lines(), "changes": [asdict(change) for change in self.changes],
        }  # fmt: skip


class NoSecretError(UnavailableError):
    """The variable `{variable}` is not set where volano runs."""

    hint = "Set it and start `volano up` again."


class BadReceiverError(InvalidError):
    """This cannot be a receiver: {why}."""


class Notify(Protocol):
    """One receiver, ready to be told."""

    def __call__(self, notice: Notice) -> None:
        """Tell it; return when the other side has taken it.

        Raises:
            UnavailableError: it did not take it; the same notice may be told again.
        """
        ...


class Receivers(Protocol):
    """Makes receivers of what files say of them."""

    def __call__(self, said: Mapping[str, Any]) -> Notify:
        """Return the receiver. Secrets are read from the environment when it is told.

        Raises:
            BadReceiverError: what is said makes none; says why.
        """
        ...
