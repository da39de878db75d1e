"""Callers: who still calls a channel. Asked before it is closed, and shown to who closes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from volano.core.clock import Clock
from volano.releases.channel import Channel
from volano.traces.keeper import Traces

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that called: how often in the time that was asked for, and when last.

    `name` is the key's; a key that is unknown by now has none. Refused calls count too: who
    makes them still tries.
    """

    key: str
    name: str
    group: str
    calls: int
    last_us: int


Listed = list[Caller]


class Callers:
    """Reads off the traces who calls."""

    def __init__(
        self,
        *,
        traces: Traces,
        channel: Callable[[str], Channel],
        keys: Callable[[], list[Any]],
        clock: Clock,
    ):
        self._traces = traces
        self._channel = channel
        self._keys = keys
        self._clock = clock

    def callers(self, channel: str, *, days: int = 7) -> Listed:
        """Return the keys that called a channel in the last days, who called last before the others.

        Raises:
            UnknownChannelError: there is no such channel.
        """
        return self.since(self._channel(channel).name, self._clock.now_us() - days * DAY_US)

    def since(self, channel: str, since_us: int) -> Listed:
        """Return the keys that called a channel since a moment, who called last before the others."""
        names = {key.id: key.name for key in self._keys()}
        return [
            Caller(key, names.get(key, ""), group, calls, last)
            for key, group, calls, last in self._traces.callers(channel, since_us)
        ]
