"""Rates: what was said, counted, each number with its interval. Pure arithmetic on the joined.

Each voice that holds now counts once. The intervals take voices as independent,
which several voices on one answer are not: where reviewers answer the same items,
ask their agreement too.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from volano.core.money import Money
from volano.feedback.join import Joined
from volano.feedback.record import Feedback
from volano.stats.intervals import wilson
from volano.stats.special import student_quantile

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
        n for f in said if f.category is None and f.nano is None
        if (n := f.number if f.number is not None else f.value) is not None
    ]  # fmt: skip
    found = []
    for word, count in sorted(words.items(), key=lambda pair: (-pair[1], pair[0] or "")):
        n = sum(words.values())
        low, high = wilson(count, n)
        found.append(Rate(*head, f"share of {word}", n, count / n, low, high, method="wilson"))
    for currency, amounts in sorted(sums.items()):
        total = Money(sum(amounts), currency)
        found.append(Rate(*head, "sum", len(amounts), amount=str(total)))
    if numbers:
        found.append(_number(head, numbers))
    return found or [Rate(*head, "count", len(said))]


def _number(head: tuple[str, str, str], numbers: Sequence[float]) -> Rate:
    n = len(numbers)
    if all(x in (0, 1) for x in numbers):
        yes = round(sum(numbers))
        low, high = wilson(yes, n)
        return Rate(*head, "rate", n, yes / n, low, high, method="wilson")
    mean = math.fsum(numbers) / n
    if n < 2:
        return Rate(*head, "mean", n, mean)
    variance = math.fsum((x - mean) ** 2 for x in numbers) / (n - 1)
    half = student_quantile(0.975, n - 1) * math.sqrt(variance / n)
    return Rate(*head, "mean", n, mean, mean - half, mean + half, method="student t")
