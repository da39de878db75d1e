"""Shadows: copies of calls that a release answered unseen, each beside the call it copies.

A copy is a trace of its own. Its arm is `shadow`, its tag `shadow` is the id of the trace
that it copies, and its span id is that of the call it copies: several calls may share one trace.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from volano.traces.sealed.records import OLDEST, Records
from volano.traces.sealed.within import Within
from volano.traces.trace import FAILED, SHADOW, Trace

Select = Callable[..., tuple[Trace, ...]]
Pair = tuple[Trace, Trace | None]
_IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Copied:
    """Copies whose cost is in one currency; "" where it is not known. `seq` is the last one's."""

    currency: str
    calls: int
    failed: int
    nano: int
    seq: int


def copied(records: Records, after_seq: int, *, rollout: str) -> Sequence[Copied]:
    """Sum what copies of a rollout's calls cost, by currency: those recorded after this `seq`."""
    rows = records.aggregate(
        "calls", f"count(*), sum(outcome IN {FAILED!r}), total(cost_nano), max(seq)",
        "rollout = ? AND arm = ?", [rollout, SHADOW], by=("coalesce(cost_currency, '')",),
        within=Within(after=after_seq),
    )  # fmt: skip
    return [Copied(name, calls, failed, int(nano), seq) for name, calls, failed, nano, seq in rows]


def shadows(select: Select, after_seq: int, *, rollout: str, limit: int) -> Sequence[Pair]:
    """Return copies of a rollout recorded after this `seq`, oldest first, and what they copy."""
    found = select(
        "rollout = ? AND arm = ?", [rollout, SHADOW], order=OLDEST, limit=limit,
        within=Within(after=after_seq),
    )  # fmt: skip
    originals = _originals(select, [copy.copied for copy in found if copy.copied])
    return [(copy, originals.get((copy.copied, copy.span_id))) for copy in found]


def _originals(select: Select, ids: Sequence[str]) -> dict[tuple[str, str], Trace]:
    wanted, found = sorted(set(ids)), {}
    for start in range(0, len(wanted), _IDS_AT_ONCE):
        some = Within(ids=wanted[start : start + _IDS_AT_ONCE])
        for trace in select("arm <> ?", [SHADOW], order=OLDEST, within=some):
            found[trace.id, trace.span_id] = trace
    return found
