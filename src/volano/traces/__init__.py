"""Traces: what every call was, from the spool of the process that answered it to the reader.

What enters: `Call` and `Begin` frames that gateway workers append to their
`Spool`, and `Spans` that applications sent them. What leaves: `Trace`s, read
through `Traces`, and `Span`s, read through the keeper of that name. In between the
`Recorder`, the only writer of the hot records, moves frames into rows: none
lost, none doubled, whoever is killed.
"""

from volano.traces.frame import Begin, Call, Kind, encode
from volano.traces.hot import HotStore
from volano.traces.keeper import Traces
from volano.traces.recorder import Recorder, run
from volano.traces.spool import Spool
from volano.traces.trace import STOPPED, Bodies, Counts, Stat, Trace

__all__ = [
    "STOPPED",
    "Begin",
    "Bodies",
    "Call",
    "Counts",
    "HotStore",
    "Kind",
    "Recorder",
    "Spool",
    "Stat",
    "Trace",
    "Traces",
    "encode",
    "run",
]
