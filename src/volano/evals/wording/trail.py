"""Trail: a search as the table of a report: every candidate, its score, its tokens, its cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from volano.evals.choice import Candidate, Choice
from volano.evals.target import Target
from volano.evals.wording.ground import Ground, Tried, shown
from volano.evals.wording.judgement import Judgement
from volano.evals.wording.rows import Cut
from volano.evals.wording.search import Found
from volano.evals.wording.sentence import notes, verdict
from volano.stats.gap import gap
from volano.stats.intervals import paired_means, wilson

ABOUT = "wording"
SPLIT = "train, the part that chooses"


def choice_of(
    ground: Ground, cut: Cut, found: Found, *, dataset: str, split: str, old: str, new: str
) -> Choice:
    """Return what was tried and what follows, as the document of a report."""
    first = ground.tried[0]
    candidates = [_candidate(one, first, old) for one in ground.tried]
    better = found.judged is not None and found.judged.better
    winner = _name(found.best, first, old) if better else old
    tokens = all("tokens" in one.values for one in candidates)
    return Choice(
        ABOUT, dataset, SPLIT, len(cut.dev), Target((), "score"),
        axes=("score", "tokens") if tokens else ("score",),
        beside=old, parent=dict(candidates[0].values), candidates=candidates, winner=winner,
        verdict=verdict(found, old=old, new=new), proof=_proof(found.judged, split),
        notes=notes(ground, cut, found),
    )  # fmt: skip


def _candidate(one: Tried, first: Tried, old: str) -> Candidate:
    scores = [seen.score or 0.0 for seen in one.seen]
    values: dict[str, float] = {"score": one.score}
    if one.tokens is not None:
        values["tokens"] = one.tokens
    currency = ""
    if one.cost_nano is not None:
        values["cost"] = one.cost_nano / 1e6  # of 1,000 calls, in whole units
        currency = next(seen.answered.currency for seen in one.seen if seen.answered.currency)
    return Candidate(
        _name(one, first, old), values, reach={"score": _reach(scores)}, n=len(one.seen),
        full=one.full, paired={} if one is first else _paired(first, one),
        settings=shown(one), currency=currency, error=one.error,
    )  # fmt: skip


def _name(one: Tried, first: Tried, old: str) -> str:
    return old if one is first else f"{one.name}: {one.how}"


def _reach(scores: Sequence[float]) -> tuple[float, float]:
    n = len(scores)
    if all(score in {0.0, 1.0} for score in scores):
        return wilson(int(sum(scores)), n)
    _, low, high = paired_means([0.0] * n, scores)
    return max(0.0, low), min(1.0, high)


def _paired(first: Tried, one: Tried) -> Mapping[str, float]:
    """Compare with the prompt as it was on the dev rows that both were asked."""
    theirs = {seen.row.id: seen.score or 0.0 for seen in first.seen}
    before = [theirs[seen.row.id] for seen in one.seen]
    after = [seen.score or 0.0 for seen in one.seen]
    found = gap(before, after)
    pairs = list(zip(before, after, strict=True))
    return {
        "difference": found.value, "low": found.low, "high": found.high,
        "better": sum(b > a for a, b in pairs), "worse": sum(b < a for a, b in pairs),
    }  # fmt: skip


def _proof(judged: Judgement | None, split: str) -> dict[str, Any]:
    if judged is None:
        return {}
    shift = judged.after
    return {
        **judged.to_dict(), "split": split, "score": shift, "parent": judged.before,
        "low": max(0.0, judged.before + judged.low), "high": min(1.0, judged.before + judged.high),
        "paired": {"difference": judged.difference, "low": judged.low, "high": judged.high},
        "flips": judged.newly_wrong / judged.n,
    }  # fmt: skip
