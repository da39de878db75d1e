"""Draining: engines that nobody is sent to any more answer what they have before they end.

A stream may take minutes, and the snapshot that sends nobody there is minutes old by
then. So an engine that is not wished for any more runs on until it says that it works
on nothing, no worker has a call there, and every worker has surely heard of it; at most
`MOST_S`. (An engine may be done with an answer that is still on its way to a slow client,
and one with much to do may be slow to say so.) What an earlier life of control wished for is
drained as well.

One that memory has no room for is drained likewise (`put_out`), for a shorter time, since
others wait for its memory; and not at all where the host is about to have none.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from volano.core.errors import VolanoError
from volano.serving.memory import critical
from volano.serving.spec import EngineSpec
from volano.serving.watched import watch

SETTLE_S = 2.5
"""Longer than a worker may take to hear of a new snapshot (`publish.APPLIED_WITHIN_S`)."""
UNTOLD_S = 30.0
"""How long one runs on that does not say what it works on."""
MOST_S = 900.0
PRESSED_S = 60.0
"""How long one runs on at most whose memory others wait for."""


class Leaving(NamedTuple):
    """An engine, and since when nobody is sent to it."""

    spec: EngineSpec
    since_s: float


class Draining:
    """The engines of one folder that are left.

    `answers` says whether one can be asked at all, `in_flight` how many calls the workers have at
    each, by name.
    """

    def __init__(
        self,
        running: Iterable[EngineSpec],
        answers: Callable[[EngineSpec], bool],
        *,
        busy: Callable[[EngineSpec], bool | None] | None = None,
        in_flight: Callable[[], Mapping[str, int]] = dict,
    ):
        self._in_flight = in_flight
        self._last = {spec.name: spec for spec in running}
        self._answers = answers
        self._busy = busy or works
        self.leaving: dict[str, Leaving] = {}

    def keep(self, wanted: Sequence[EngineSpec], needed_s: Mapping[str, float]) -> list[EngineSpec]:
        """Return the engines that are to run: those wanted, and those that are not done.

        Args:
            wanted: all that calls may be sent to from now on.
            needed_s: since when one has been without calls, where that was earlier.
        """
        now, names = time.monotonic(), {spec.name for spec in wanted}
        for name, spec in self._last.items():
            if name not in names:
                self.leaving.setdefault(name, Leaving(spec, needed_s.get(name, now)))
        self.leaving = {name: one for name, one in self.leaving.items() if name not in names}
        self.look()
        kept = [*wanted, *(one.spec for one in self.leaving.values())]
        self._last = {spec.name: spec for spec in kept}
        return kept

    def look(self) -> None:
        """Let those end that are done."""
        now = time.monotonic()
        for name in [name for name, one in self.leaving.items() if self._done(one, now)]:
            del self.leaving[name]
            self._last.pop(name, None)

    def put_out(self, spec: EngineSpec, waited_s: float) -> bool:
        """Whether one may end now that was put out for want of memory so long ago."""
        return critical() or waited_s > PRESSED_S or self._over(spec, waited_s)

    def _done(self, one: Leaving, now: float) -> bool:
        waited_s = now - one.since_s
        return waited_s > MOST_S or self._over(one.spec, waited_s)

    def _over(self, spec: EngineSpec, waited_s: float) -> bool:
        """Whether an engine works on nothing, after so long a time in which nobody was sent to it."""
        if self._in_flight().get(spec.name):
            return False
        if not self._answers(spec):
            return True
        if waited_s < SETTLE_S:
            return False
        busy = self._busy(spec)
        return not busy if busy is not None else waited_s > UNTOLD_S


def works(spec: EngineSpec) -> bool | None:
    """Say whether an engine works on calls; None when it does not tell."""
    with suppress(VolanoError):
        vitals = watch(spec.kind, spec.address).vitals()
        if vitals.busy is not None:
            return vitals.busy + (vitals.queued or 0) > 0
    return None
