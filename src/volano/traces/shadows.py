"""Shadows: copies of calls that a release answered unseen, each beside the call it copies.

A copy is a trace of its own. Its arm is `shadow`, its tag `shadow` is the id of the trace
that it copies, and its span id is that of the call it copies: several calls may share one trace.
"""

from collections.abc import Callable, Sequence

from volano.traces.sealed.records import OLDEST
from volano.traces.sealed.within import Within
from volano.traces.trace import SHADOW, Trace

Select = Callable[..., tuple[Trace, ...]]
Pair = tuple[Trace, Trace | None]
_IDS_AT_ONCE = 500


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
