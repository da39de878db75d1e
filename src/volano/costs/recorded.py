"""What the treasury asks the records: spend that is there, lives that are not all there yet."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from volano.costs.treasury import Spend
from volano.traces.keeper import Traces
from volano.traces.segment import Segment, segment_paths
from volano.traces.trace import SHADOW

_BY = ("key_id", "group", "channel", "currency", "life", "held")


class Recorded:
    """Reads the hot records and the names in the spool."""

    def __init__(self, traces: Traces, spool: Path):
        self._traces = traces
        self._spool = spool

    def spend(self, from_us: int, until_us: int) -> Iterable[Spend]:
        """Return what recorded calls that began in this window of whole hours cost.

        Copies to a shadow are not in it: no key, group or channel pays for them but their rollout.
        """
        rows = self._traces.spend(by=_BY, since_us=from_us, until_us=until_us)
        for (key_id, group, channel, currency, life, held), sums in rows:
            if key_id == SHADOW:
                continue
            slots = frozenset(map(int, filter(None, held.split(","))))
            yield Spend(key_id, group, channel, currency, life, slots, sums.nano)

    def unrecorded(self) -> Mapping[str, bool]:
        """Return the lives that have segments, and whether nobody writes them any more.

        A segment is deleted after the commit that took in its last frame, and the
        traces of its cut streams are in that commit.
        """
        over: dict[str, bool] = {}
        for path in segment_paths(self._spool):
            try:
                segment = Segment(path)
            except FileNotFoundError:
                continue
            over[segment.life] = over.get(segment.life, True) and segment.dead()
            segment.close()
        return over
