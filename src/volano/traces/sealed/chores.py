"""Chores: all that is done with sealed files, in the order in which it is most urgent."""

from collections.abc import Mapping
from pathlib import Path

from volano.core.clock import Clock
from volano.traces.hot import HotStore
from volano.traces.sealed import manifest
from volano.traces.sealed.engine import Engine
from volano.traces.sealed.folding import Folding
from volano.traces.sealed.records import Records
from volano.traces.sealed.retention import Retention
from volano.traces.sealed.rewriting import Rewriting
from volano.traces.sealed.sealer import Hot, Sealer, sweep
from volano.traces.sealed.watch import Watch
from volano.traces.sealed.wishes import Repricer, Wishes

MEMORY_MIB = 256
LINGER_US = 600_000_000
"""Files that were taken out stay this long, for readers that began with them."""


class Chores:
    """Does one bounded piece of work a step. Only one of them may work on a folder."""

    def __init__(
        self,
        hot: HotStore,
        clock: Clock,
        *,
        keep: Hot | None = None,
        policy: Path,
        repricers: Mapping[str, Repricer] | None = None,
    ):
        self._hot, self._clock = hot, clock
        self._engine = Engine(manifest.folder_of(hot.path), threads=1, memory_mib=MEMORY_MIB)
        self._records = Records(hot.path)
        self.sealer = Sealer(hot, clock, keep)
        rewrite = Rewriting(hot, clock, self._engine)
        self.folding = Folding(hot, rewrite)
        self.retention = Retention(hot, clock, policy, self._engine, rewrite)
        self.wishes = Wishes(hot, self._records, repricers or {})
        self.watch = Watch(hot)

    def step(self) -> bool:
        """Do the most urgent piece; False: nothing is left to do for now.

        Raises:
            OSError, sqlite3.Error, Failed, VolanoError: it could not be done; nothing was lost.
        """
        return bool(
            self.sealer.step() or self.wishes.step() or self.folding.step() or self.retention.step()
        )

    def tidy(self) -> None:
        """Sweep files away that nothing names, and look at the health of the others."""
        sweep(self._hot, self._clock.now_us(), after_us=LINGER_US)
        self.watch.step()

    def close(self) -> None:
        """Let go of memory."""
        self._records.close()
        self._engine.close()
