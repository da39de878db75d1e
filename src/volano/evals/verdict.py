"""Verdict: what a choice comes to, in one plain sentence with its uncertainty."""

from collections.abc import Mapping
from dataclasses import replace

from volano.evals.choice import Candidate, Choice, best
from volano.evals.measures import MEASURES, spelt

FRACTIONS = {2: "half", 3: "a third", 4: "a quarter", 5: "a fifth", 10: "a tenth"}
HALF = 0.5
CHEAPER = ("cost", "size", "latency", "busy", "memory")
"""In this order: what a smaller candidate saves, the first that differs by a tenth is told."""


def verdict(choice: Choice) -> str:
    """Say which candidate to take, how much worse it may be, what it saves, and what that is worth."""
    chosen = choice.candidate(choice.winner)
    if chosen is None:
        return " ".join(filter(None, (_none(choice), _worthless(choice))))
    worth = _worthless(choice) or _small(choice, chosen)
    return " ".join(filter(None, (_taken(choice, chosen), worth)))


def _worthless(choice: Choice) -> str:
    """Say that the one all are compared with gets nothing right; empty where it does."""
    if choice.parent.get("score") != 0:
        return ""
    return (
        f"But {choice.beside} gets nothing right on these {choice.n} rows: they tell nothing of any "
        "score, so train it first."
    )


def _small(choice: Choice, chosen: Candidate) -> str:
    """Say that a limit in percent is a share of the reference's, where the score itself is below it.

    In a search everybody means the parent's; there it is said where the parent is right on less than half.
    """
    score, reference = chosen.values.get("score"), choice.parent.get("score")
    if choice.about == "search" and (reference is None or reference >= HALF):
        return ""
    for limit in choice.target.limits:
        if limit.measure != "score" or not limit.least or not limit.of_parent:
            continue
        if score is not None and reference is not None and score < limit.value <= 1:
            return (
                f"But its score itself is {score * 100:.1f} %: {limit.value * 100:g} % are of "
                f"{choice.beside}'s {reference * 100:.1f} %. Say `score>={limit.value:g}` for the "
                "score itself."
            )
    return ""


def _taken(choice: Choice, chosen: Candidate) -> str:
    if chosen.name == choice.beside:
        return _same(choice, chosen)
    beside = choice.candidate(choice.beside)
    saved = _saved(chosen.values, beside.values if beside else choice.parent)
    sentence = f"Take {chosen.name}: it is {_worse(chosen, choice.beside)}"
    return f"{sentence}, and {saved}." if saved else f"{sentence}."


def _worse(chosen: Candidate, beside: str) -> str:
    """Say how the scores compare, at the confidence of the interval."""
    paired = chosen.paired
    if paired and chosen.values.get("score") == 0 and paired["difference"] == 0:
        return f"no more right than {beside}"
    if not paired:
        return f"not compared with {beside} row by row"
    if paired["low"] > 0:
        return f"better than {beside} by at least {_points(paired['low'])} with 95 % confidence"
    if paired["high"] < 0:
        return (
            f"worse than {beside} by {_points(-paired['high'])} to {_points(-paired['low'])} "
            "with 95 % confidence"
        )
    return f"not worse than {beside} by more than {_points(-paired['low'])} with 95 % confidence"


def _points(share: float) -> str:
    points = f"{share * 100:.1f}".removesuffix(".0")
    return f"{points} point" if points == "1" else f"{points} points"


def _saved(mine: Mapping[str, float], theirs: Mapping[str, float]) -> str:
    """Say the first thing that is smaller by a tenth at least: `costs a tenth`."""
    for name in CHEAPER:
        if name in mine and theirs.get(name, 0) > 0 and mine[name] <= 0.9 * theirs[name]:
            return _less(name, mine[name] / theirs[name])
    if mine.get("speed", 0) >= 1.1 * theirs.get("speed", float("inf")):
        return f"answers {mine['speed'] / theirs['speed']:.1f} times as fast"
    return ""


def _less(name: str, share: float) -> str:
    verb = {
        "cost": "costs", "size": "has", "latency": "takes", "busy": "takes", "memory": "needs"
    }[name]  # fmt: skip
    what = {
        "cost": "", "size": " of the bytes", "latency": " of the time", "busy": " of the engine's time",
        "memory": " of the memory",
    }[name]  # fmt: skip
    return f"{verb} {_fraction(share)}{what}"


def _fraction(share: float) -> str:
    """Return a share in words where a word is near: `a tenth`, else `37 %`."""
    for number, word in FRACTIONS.items():
        if abs(share - 1 / number) <= 0.05 / number:
            return word
    if share < 0.01:
        return "less than a hundredth"
    return f"{share * 100:.0f} %"


def _same(choice: Choice, chosen: Candidate) -> str:
    """The winner is the one that all are compared with."""
    wish = choice.target.wished
    if choice.about == "search":
        return f"Keep {chosen.name}: nothing smaller that was tried keeps the target better."
    rivals = [
        one for one in choice.candidates
        if choice.kept(one) and one.name != chosen.name and one.paired.get("high", -1) >= 0
    ]  # fmt: skip
    unknown = any(choice.kept(one) and wish.name not in one.values for one in choice.candidates)
    among = f" of those whose {wish.title.lower()} is known" if unknown else ""
    sentence = f"Take {chosen.name}: it keeps the target and is the {wish.superlative}{among}"
    if rivals:
        names = ", ".join(one.name for one in rivals[:3])
        return f"{sentence}, but the rows do not tell it from {names} by score."
    return f"{sentence}."


def _none(choice: Choice) -> str:
    """Nobody keeps the target: say what comes nearest, and which limit it breaks."""
    whole = [one for one in choice.candidates if one.whole]
    if not whole:
        return "Nothing could be measured, so nothing is recommended."
    if kept := [one for one in whole if choice.kept(one)]:
        names, wish = ", ".join(one.name for one in kept[:3]), choice.target.wished
        return (
            f"Nothing is recommended: {names} would do, but which is the {wish.superlative} is not "
            f"known: {wish.title.lower()} was not measured."
        )
    nearest = min(
        whole,
        key=lambda one: (
            len(choice.target.broken(one.values, choice.parent)), -one.values.get("score", 0)
        ),
    )  # fmt: skip
    broken = choice.target.broken(nearest.values, choice.parent)
    told = ", ".join(
        f"{MEASURES[one.measure].title.lower()} {spelt(one.measure, nearest.values[one.measure])} "
        f"({one})"
        for one in broken
    )
    if not told:
        lacking = [one.measure for one in choice.target.limits if one.measure not in nearest.values]
        return (
            f"Nothing is known to keep the target. Nearest is {nearest.name}: "
            f"not measured: {', '.join(lacking)}."
        )
    return f"Nothing keeps the target. Nearest is {nearest.name}: {told}."


def sure(choice: Choice, chosen: Candidate) -> str:
    """Say whether the limit on the score is kept for sure, or only by the estimate; may be empty."""
    for limit in choice.target.limits:
        if limit.measure != "score" or not limit.least or "score" not in chosen.reach:
            continue
        bound = limit.bound(choice.parent)
        if limit.of_parent and chosen.paired:
            low = choice.parent["score"] + chosen.paired["low"]
        else:
            low = chosen.reach["score"][0]
        low = min(1.0, max(0.0, low))
        if low < bound or not chosen.values["score"]:
            return (
                f"The limit {limit} is kept by the estimate; {chosen.n} rows leave open that the "
                f"true score is as low as {low * 100:.1f} %."
            )
        return f"The limit {limit} is kept with 95 % confidence."
    return ""


def decided(choice: Choice) -> Choice:
    """Return the choice with its winner and its verdict."""
    chosen = best(choice.candidates, choice.target, choice.parent)
    named = replace(choice, winner=chosen.name if chosen else "")
    notes = [*choice.notes]
    if chosen and (word := sure(named, chosen)):
        notes.insert(0, word)
    return replace(named, verdict=verdict(named), notes=notes)
