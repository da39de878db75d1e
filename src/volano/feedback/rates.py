"""Rates: what was said, counted, each number with its interval. Pure arithmetic on the joined.

Each voice that holds now counts once. Where all are of calls drawn with known probabilities that
differ, each stands for as many calls as its own says (`stats.sampled`). The intervals take voices as independent,
which several voices on one answer are not: where reviewers answer the same items,
ask their agreement too.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeGuard

from volano.core.money import Money
from volano.feedback.join import Joined
from volano.feedback.record import Feedback
from volano.stats import sampled
from volano.stats.intervals import wilson
from volano.stats.special import student_quantile

Head = tuple[str, str, str]
BY = ("all", "release", "channel", "source", "day")
DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """One number. `what` says how to read it: rate of yes, share of a category, mean, sum, count.

    `where` is the release, channel, source or day; `n` voices stand behind it. `low` and
    `high` are the 95 % interval where there is one; `amount` is a sum of money.
    """

    name: str
    metric: str
    where: str
    what: str
    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    amount: str = ""
    method: str = ""


def rates(voices: Iterable[Joined], by: str = "all") -> list[Rate]:
    """Count the voices by name and by `by`; those that wait for their trace are left out."""
    groups: defaultdict[tuple[str, str], list[Feedback]] = defaultdict(list)
    for voice in voices:
        if not voice.waits:
            groups[voice.feedback.name, _where(voice, by)].append(voice.feedback)
    found: list[Rate] = []
    for (name, where), said in sorted(groups.items()):
        newest = max(said, key=lambda f: f.seq)
        found += _of(name, newest.metric, where, said)
    return found


def _where(voice: Joined, by: str) -> str:
    if by == "source":
        name = voice.feedback.source_name
        return f"{voice.feedback.source}:{name}" if name else voice.feedback.source
    if by == "day":
        return _day(voice.feedback.at_us)
    if by == "all" or voice.place is None:
        return ""
    return voice.place.release if by == "release" else voice.place.channel


def _day(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%d")


def _of(name: str, metric: str, where: str, said: Sequence[Feedback]) -> list[Rate]:
    """Return one number for a metric; a share for each category; a sum for each currency."""
    head = (name, metric, where)
    words = Counter(f.category for f in said if f.category is not None)
    sums: defaultdict[str, list[int]] = defaultdict(list)
    for each in said:
        if each.nano is not None:
            sums[each.currency or ""].append(each.nano)
    numbers = [
        (n, f.probability) for f in said if f.category is None and f.nano is None
        if (n := f.number if f.number is not None else f.value) is not None
    ]  # fmt: skip
    drawn = [f.probability for f in said if f.category is not None]
    found = []
    for word, count in sorted(words.items(), key=lambda pair: (-pair[1], pair[0] or "")):
        n = sum(words.values())
        what = f"share of {word}"
        if _differ(drawn):
            meant = [float(f.category == word) for f in said if f.category is not None]
            found.append(_weighted(head, what, meant, drawn))
            continue
        low, high = wilson(count, n)
        found.append(Rate(*head, what, n, count / n, low, high, method="wilson"))
    for currency, amounts in sorted(sums.items()):
        total = Money(sum(amounts), currency)
        found.append(Rate(*head, "sum", len(amounts), amount=str(total)))
    if numbers:
        found.append(_number(head, *zip(*numbers, strict=True)))
    return found or [Rate(*head, "count", len(said))]


def _number(head: Head, numbers: Sequence[float], drawn: Sequence[float | None]) -> Rate:
    n, is_rate = len(numbers), all(x in (0, 1) for x in numbers)
    if _differ(drawn):
        return _weighted(head, "rate" if is_rate else "mean", numbers, drawn)
    if is_rate:
        yes = round(sum(numbers))
        low, high = wilson(yes, n)
        return Rate(*head, "rate", n, yes / n, low, high, method="wilson")
    mean = math.fsum(numbers) / n
    if n < 2:
        return Rate(*head, "mean", n, mean)
    variance = math.fsum((x - mean) ** 2 for x in numbers) / (n - 1)
    half = student_quantile(0.975, n - 1) * math.sqrt(variance / n)
    return Rate(*head, "mean", n, mean, mean - half, mean + half, method="student t")


def _weighted(head: Head, what: str, numbers: Sequence[float], drawn: Sequence[float]) -> Rate:
    """Return the mean over all calls of which these were drawn with several probabilities."""
    found = sampled.mean(numbers, drawn, share=all(0 <= x <= 1 for x in numbers))
    assert found is not None
    low, high = (bound if math.isfinite(bound) else None for bound in (found.low, found.high))
    return Rate(*head, what, found.n, found.value, low, high, method="weighted by sampling")


def _differ(drawn: Sequence[float | None]) -> TypeGuard[Sequence[float]]:
    """Whether all were drawn with known probabilities, and not with the same."""
    return None not in drawn and len(set(drawn)) > 1
