"""The pairs of a channel's last rollout, side by side, the most different first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from volano.feedback.keeper import Feedbacks
from volano.releases.errors import NoPairsError
from volano.releases.keeper import Releases
from volano.releases.pairs.pair import Pair, plain
from volano.releases.pairs.reading import pair_of
from volano.releases.progress import Rollout
from volano.traces.keeper import Traces

MOST = 2_000
"""Copies that are looked at, the newest."""
SHOWN = 300
"""Characters of an answer that are shown."""
_PAGE = 500
_ALL = 1 << 62


@dataclass(frozen=True, slots=True)
class Listed:
    """One pair as it is shown. `differs` orders them: 0 is the same, above 1 one of both failed."""

    copy: str
    copied: str
    unit: str
    differs: float
    asked: str
    original: str
    answer: str
    scores: Mapping[str, tuple[float, float]]
    cost: tuple[int, int] | None
    latency_us: tuple[int, int] | None
    note: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Pairs of one rollout. `silent` says why its judge gives no scores, where it gives none."""

    channel: str
    rollout: str
    candidate: str
    silent: str
    pairs: tuple[Listed, ...]


class Pairings:
    """Lists pairs. `trouble` says by rollout why its judge says nothing."""

    def __init__(
        self, releases: Releases, traces: Traces, feedbacks: Feedbacks, trouble: Mapping[str, str]
    ):
        self._releases, self._traces = releases, traces
        self._feedbacks, self._trouble = feedbacks, trouble

    def list(self, channel: str, *, limit: int = 20) -> Listing:
        """Return the pairs of the channel's last rollout with copies, the most different first.

        Raises:
            UnknownChannelError: nothing was ever promoted to it.
            NoPairsError: no copy of its calls was recorded.
        """
        rollout = self._rollout(channel)
        pairs = self._pairs(rollout) if rollout is not None else []
        if rollout is None or not pairs:
            raise NoPairsError(channel=channel)
        scores = self._scores(pairs)
        found = [_listed(pair, scores.get(pair.copy.trace.id, {})) for pair in pairs]
        why = self._trouble.get(rollout.id, "")
        found.sort(key=lambda one: -one.differs)
        return Listing(channel, rollout.id, rollout.candidate_ref, why, tuple(found[:limit]))

    def _rollout(self, channel: str) -> Rollout | None:
        """Return the newest rollout of a channel that has copies."""
        self._releases.channel(channel)
        for rollout in self._releases.rollouts(channel, limit=20):
            if self._traces.shadows(0, rollout=rollout.id, limit=1):
                return rollout
        return None

    def _pairs(self, rollout: Rollout) -> Sequence[Pair]:
        """Return the newest pairs."""
        newest: list[Pair] = []
        seq = 0
        while found := self._traces.shadows(seq, rollout=rollout.id, limit=_PAGE):
            seq = found[-1][0].seq
            new = [pair_of(self._traces, *both) for both in found]
            newest = [*newest, *filter(None, new)][-MOST:]
        return newest

    def _scores(self, pairs: Sequence[Pair]) -> dict[str, dict[str, tuple[float, float]]]:
        """Return by copy the scores that both answers have."""
        ids = {side.trace.id for pair in pairs for side in (pair.original, pair.copy)}
        said: dict[str, dict[str, float]] = {}
        for one in self._feedbacks.on(ids, until_seq=_ALL):
            if one.value is not None and not one.retracted:
                said.setdefault(one.trace_id, {})[one.name] = one.value
        found = {}
        for pair in pairs:
            mine, theirs = said.get(pair.original.trace.id, {}), said.get(pair.copy.trace.id, {})
            both = {name: (mine[name], theirs[name]) for name in mine if name in theirs}
            found[pair.copy.trace.id] = dict(sorted(both.items()))
        return found


def _listed(pair: Pair, scores: Mapping[str, tuple[float, float]]) -> Listed:
    original, copy = pair.original, pair.copy
    return Listed(
        copy.trace.id, original.trace.id, pair.unit, _differs(pair, scores),
        _short(original.trace.input_text), _short(original.text), _short(copy.text), scores,
        pair.costs, pair.latencies_us, _note(pair),
    )  # fmt: skip


def _differs(pair: Pair, scores: Mapping[str, tuple[float, float]]) -> float:
    """Return how different a pair is: a failure of one alone, then scores, then words."""
    gap = max((abs(a - b) for a, b in scores.values()), default=0.0)
    words = 1 - pair.likeness if pair.likeness is not None else 0.0
    alone = pair.original.failed != pair.copy.failed or pair.original.refused != pair.copy.refused
    return round(2 * alone + gap + words / 10, 4)


def _note(pair: Pair) -> str:
    """Say in words what is no difference of words."""
    found = []
    for name, side in (("original", pair.original), ("copy", pair.copy)):
        if side.formless:
            found.append(f"the {name} broke its form")
        elif side.failed:
            found.append(f"the {name} failed: {side.trace.error or side.trace.outcome}"[:200])
        elif side.refused:
            found.append(f"the {name} refuses")
    return "; ".join(found) or ("the same" if pair.equal else "")


def _short(text: str | None) -> str:
    if text is None:
        return ""
    said = plain(text[: 4 * SHOWN])
    return said if len(said) <= SHOWN else f"{said[: SHOWN - 1]}…"
