"""What a search came to, in one plain sentence, and what else is to be known."""

from collections.abc import Sequence

from volano.core.money import Money
from volano.evals.wording.ground import Ground
from volano.evals.wording.judgement import Judgement
from volano.evals.wording.rows import LEAST, Cut
from volano.evals.wording.search import Found

FLATTERED = 0.05


def verdict(found: Found, *, old: str, new: str) -> str:
    """Say whether the new wording is proven better, by how much, or what would prove it."""
    if found.why:
        return f"Nothing is proven: {found.why.rstrip('.')}. {old} stays."
    if found.judged is None:
        return (
            f"Keep {old}: nothing that was tried did better on the rows that choose; "
            "no held-out row was asked."
        )
    one = found.judged
    moved = f"{_percent(one.before)} → {_percent(one.after)} on {one.n} held-out rows"
    if one.better:
        return (
            f"Take {new}: it is better than {old} by at least {_points(one.low)} "
            f"with 95 % confidence ({moved})."
        )
    gap = f"{one.difference * 100:+.1f} points [{one.low * 100:+.1f}, {one.high * 100:+.1f}]"
    if one.high < 0:
        return f"Keep {old}: the best that was tried is worse on held-out rows, {gap} ({moved})."
    return f"Not proven better, {old} stays: {gap} ({moved}){_more(one)}."


def notes(ground: Ground, cut: Cut, found: Found) -> list[str]:
    """Return what a reader must know: what was spent, growth, the gap, what was left out."""
    purse = ground.asker.purse
    told = [f"{purse.made} of {purse.calls} calls were made{_money(ground)}."]
    if ground.repetitions > 1:
        told.append(
            f"Every row was asked {ground.repetitions} times with each wording; its scores are averaged."
        )
    if ground.spent is not None:
        told.append(f"The search ended there: {ground.spent.message}")
    if cut.leaked:
        told.append(
            f"{len(cut.leaked)} train rows repeat held-out ones, or nearly, and were left out."
        )
    told.append(
        f"{len(cut.learn)} rows to learn from, {len(cut.dev)} to choose on, {len(cut.judge)} "
        f"to judge; fewer than {LEAST} on either side are refused."
    )
    best, first = found.best, ground.tried[0]
    if best is not first:
        told += _growth(best.tokens, first.tokens, "tokens")
        told += _growth(best.cost_nano, first.cost_nano, "nano-units")
    if found.judged is not None:
        told += _gap(found.judged, best.score - first.score)
    return told


def _gap(one: Judgement, on_dev: float) -> list[str]:
    """Say how much choosing flattered, and what rows did not count."""
    told = [
        f"On the rows that chose the gain was {on_dev * 100:+.1f} points, on held-out rows "
        f"{one.difference * 100:+.1f}"
        + (
            ": the first is flattered by the choice."
            if on_dev - one.difference > FLATTERED
            else "."
        )
    ]
    told.append(f"{one.newly_right} held-out rows got better, {one.newly_wrong} got worse.")
    if one.clusters:
        told.append(f"Held-out rows share {one.clusters} clusters; the interval reckons with that.")
    if one.unmeasured:
        told.append(f"{one.unmeasured} held-out rows got no score with it and count as 0.")
    if one.dropped:
        told.append(
            f"{one.dropped} held-out rows were not compared: no score with the prompt as it was, "
            "or they stand in the new wording."
        )
    for name, (before, after) in one.others.items():
        told.append(f"{name}: {before:.4g} → {after:.4g} on held-out rows.")
    return told


def _growth(after: float | None, before: float | None, what: str) -> list[str]:
    if not after or not before:
        return []
    if what == "tokens":
        return [
            f"A call has {after:.0f} tokens, {after / before:.1f} times those before ({before:.0f})."
        ]
    return [f"A call costs {after / before:.1f} times what it did."]


def _money(ground: Ground) -> str:
    priced: Sequence[str] = [
        one.price.currency for one in (ground.asked, ground.reflect) if one and one.price
    ]
    if not priced:
        return "; no price is known of them"
    return f", for {Money(ground.asker.purse.spent_nano, priced[0])} at most"


def _more(one: Judgement) -> str:
    if one.needed is None or one.needed <= one.n:
        return ""
    return f"; about {one.needed - one.n:,} rows more would prove a difference of that size"


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _points(share: float) -> str:
    points = f"{share * 100:.1f}".removesuffix(".0")
    return f"{points} point" if points == "1" else f"{points} points"
