"""The recorder's process: calls and feedback become rows of one file, by one writer."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from volano.costs.pricing import Pricing
from volano.costs.repricing import Repricing
from volano.feedback.tables import prepare, sink
from volano.traces.frame import Kind
from volano.traces.hot import HotStore
from volano.traces.intake import Sink
from volano.traces.recorder import Recorder


@contextmanager
def recorder(spool: Path, hot_path: Path, pricing: Pricing | None = None) -> Iterator[Recorder]:
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
    own = Recorder(spool, hot, sinks, annotate=pricing)
    try:
        yield own
    finally:
        own.close()
        hot.close()


def run(spool: Path, hot_path: Path, pricing: Pricing | None = None) -> None:
    """Record until SIGTERM, then take in what is left."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with recorder(spool, hot_path, pricing) as own:
        own.run(stop)
