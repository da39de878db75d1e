"""Comparison: all that two or more reports on the same rows say of each other, as one document."""

from collections.abc import Mapping, Sequence
from typing import Any

from volano.evals.compare import MARGIN, Change, Side, compare, slices, usage
from volano.evals.flips import flips
from volano.evals.summary import by_row

FORMAT = 1


def comparison(a: Side, b: Side, *, margin: float = MARGIN) -> dict[str, Any]:
    """Return how `b` differs from `a`: scores, usage, slices, flips, and the verdict in words.

    Raises:
        OtherRowsError, NoCommonScoreError: there is nothing to pair.
    """
    changes = compare(a, b)
    first = changes[0]
    rows_a, rows_b = by_row(a.lines), by_row(b.lines)
    fallen = flips(a, b, first.name, bigger=first.bigger)
    told = {one.unit for one in changes} - {"share", "count"}
    return {
        "format": FORMAT,
        "a": {"report": a.ref, "subject": a.subject},
        "b": {"report": b.ref, "subject": b.subject},
        "n": len(rows_a.keys() & rows_b.keys()),
        "dropped": {
            "only_a": len(rows_a.keys() - rows_b.keys()),
            "only_b": len(rows_b.keys() - rows_a.keys()),
            "unmeasured": {one.name: one.unmeasured for one in changes if one.unmeasured},
        },
        "margin": margin,
        "scores": [one.to_dict(margin) for one in changes],
        "usage": [one.to_dict(margin) for one in usage(a, b, first.name) if one.unit not in told],
        "slices": slices(a, b, first.name),
        "flips": fallen.to_dict(),
        "broken": [row["row"] for row in fallen.rows][:20],
        "verdict": first.verdict,
        "not_worse": first.not_worse(margin),
        "sentence": sentence(first, margin),
    }


def several(sides: Sequence[Side], *, margin: float = MARGIN) -> dict[str, Any]:
    """Return the comparison of the first with the second, and with each further report.

    `others` holds the further ones; `points` where each report lies by score, latency and cost,
    and whether another beats it in all three.
    """
    found = [comparison(sides[0], side, margin=margin) for side in sides[1:]]
    return {**found[0], "others": found[1:], "points": points(sides, found[0]["scores"][0]["name"])}


def points(sides: Sequence[Side], name: str) -> list[dict[str, Any]]:
    """Return score, median latency and mean cost of each report; `front` where none beats it."""
    told = [_point(side, name) for side in sides]
    return [{**one, "front": not any(_beats(other, one) for other in told)} for one in told]


def sentence(change: Change, margin: float) -> str:
    """Say what one change comes to, in words that claim no more than the interval does."""
    name, reach = change.name.replace("_", " "), spelt(change)
    if change.verdict != "undecided":
        return f"{name} is {change.verdict}: {reach}."
    if not change.low <= 0 <= change.high:
        return (
            f"{name} is undecided: {reach}, which is no more than chance does among so many scores."
        )
    said = f"{name} is undecided: {reach} covers zero."
    if change.more_rows:
        said += (
            f" About {_round(change.more_rows)} more rows would tell, if the difference is as seen."
        )
    answer = {"yes": "It is not worse", "no": "It is worse", "undecided": ""}[
        change.not_worse(margin)
    ]
    if answer and change.kind == "difference" and change.unit == "share":
        said += f" {answer} by more than {margin * 100:g} points, with 95 % confidence."
    return said


def spelt(change: Change | Mapping[str, Any]) -> str:
    """Spell a change with its interval: points of shares, per cent of ratios, else plain numbers."""
    got = change.to_dict() if isinstance(change, Change) else change
    middle, low, high = got["difference"], got["low"], got["high"]
    if got.get("kind") == "ratio":
        return f"{middle:+.1%} [{low:+.1%}, {high:+.1%}]".replace("%", " %")
    if got.get("unit", "share") == "share":
        return f"{middle * 100:+.1f} points [{low * 100:+.1f}, {high * 100:+.1f}]"
    return f"{middle:+.4g} [{low:+.4g}, {high:+.4g}]"


def _point(side: Side, name: str) -> dict[str, Any]:
    """Return one report's place; a mean over rows, None where nothing is known."""
    values = side.means().get(name, {})
    times = sorted(line["latency_us"] for line in side.lines if line.get("latency_us") is not None)
    costs = [line["cost_nano"] for line in side.lines if line.get("cost_nano") is not None]
    return {
        "report": side.ref, "subject": side.subject, "score": sum(values.values()) / max(1, len(values)),
        "latency_ms": times[len(times) // 2] / 1000 if times else None,
        "cost": sum(costs) / len(costs) / 1e9 if costs else None,
    }  # fmt: skip


def _beats(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether one is as good in all that both know, and better in something."""
    pairs = [(-one["score"], -other["score"])]
    pairs += [(one[k], other[k]) for k in ("latency_ms", "cost") if None not in (one[k], other[k])]
    return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)


def _round(count: int) -> str:
    """Return a count to two digits: it is a guess."""
    size = 10 ** max(0, len(str(count)) - 2)
    return f"{-(-count // size) * size:,}".replace(",", " ")
