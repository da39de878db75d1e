"""Who calls a channel, and how many answers a release gave there: sums over calls, by key."""

from volano.traces.sealed.records import Records
from volano.traces.sealed.within import Within

Called = tuple[str, str, int, int]
"""Key, its group, calls, and when the last one began (microseconds UTC)."""

_ANSWERED = "channel = ? AND release = ? AND outcome <> 'refused' AND tags NOT LIKE '%\"replay\":%' AND arm <> 'shadow'"
"""A tag's name stands between bare quotes; those in a client's values are escaped (JSON)."""


def callers(records: Records, channel: str, since_us: int) -> list[Called]:
    """Return who called since a moment, the last caller first; replays and copies are nobody's."""
    rows = records.aggregate(
        "calls", "count(*), max(began_us)", "channel = ? AND tags NOT LIKE '%\"replay\":%' AND arm <> 'shadow'",
        [channel], by=("key_id", '"group"'), order="4 DESC, 1, 2", within=Within(since_us=since_us),
    )  # fmt: skip
    return [(str(key), str(group), calls, last) for key, group, calls, last in rows]


def answers(records: Records, channel: str, release: str, since_us: int) -> int:
    """Return how many calls a release answered on a channel since a moment, well or not."""
    rows = records.aggregate(
        "calls", "count(*)", _ANSWERED, [channel, release], within=Within(since_us=since_us)
    )
    return int(rows[0][0]) if rows else 0
