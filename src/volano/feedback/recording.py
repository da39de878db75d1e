"""The recorder's process: calls and feedback become rows of one file, by one writer."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from volano.core.memory import settle_memory
from volano.costs.pricing import Pricing
from volano.costs.repricing import KIND, Repricing
from volano.feedback.tables import prepare, sink
from volano.traces.forward.forwarder import Forwarder, forwarding
from volano.traces.frame import Kind
from volano.traces.hot import HotStore
from volano.traces.intake import Sink
from volano.traces.mask.masking import Masking
from volano.traces.recorder import Recorder
from volano.traces.sealed.records import Records
from volano.traces.sealed.upkeep import Keeping, Upkeep
from volano.traces.search.indexer import Indexer, read_records, running

_TURN_S = 0.0005
"""How long a thread may keep the others waiting: here they wait often, and shortly, for SQLite."""


@contextmanager
def recorder(
    spool: Path, hot_path: Path, pricing: Pricing | None = None, masking: Masking | None = None
) -> Iterator[Recorder]:
    """Open the recorder, with what each room writes there.

    Raises:
        RecorderBusyError: another process records into this file.
    """
    hot = HotStore(hot_path)
    with hot.transaction() as conn:
        prepare(conn)
    sinks: dict[int, Sink] = {Kind.FEEDBACK: sink}
    if pricing is not None:
        sinks[Kind.REPRICE] = Repricing(pricing)
    own = Recorder(spool, hot, sinks, annotate=pricing, masking=masking)
    try:
        yield own
    finally:
        own.close()
        hot.close()


def run(
    spool: Path,
    hot_path: Path,
    pricing: Pricing | None = None,
    keeping: Keeping | None = None,
    masking: Masking | None = None,
    forwarder: Forwarder | None = None,
) -> None:
    """Record until SIGTERM, then take in what is left; old rows are sealed and kept meanwhile."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    records = Records(hot_path)
    indexer = Indexer(hot_path.with_name("search.db"), read_records(records), records.deleted)
    with (
        recorder(spool, hot_path, pricing, masking) as own,
        running(indexer),
        forwarding(forwarder),
    ):
        settle_memory()
        sys.setswitchinterval(_TURN_S)
        repricers = {} if pricing is None else {KIND: Repricing(pricing)}
        upkeep = None if keeping is None else Upkeep(own.hot, keeping, repricers)
        if upkeep is not None:
            upkeep.start()
        try:
            own.run(stop)
        finally:
            if upkeep is not None:
                upkeep.close()
