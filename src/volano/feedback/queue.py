"""A review queue: traces that people look at one by one, by one metric and one set of guidelines.

Each item has as many places as the queue wants reviewers. A place is leased to a
reviewer for a while, then given or skipped; whose lease has run out gives the
place back. So two never answer into one another's place, and nobody holds up
the rest by going home.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from volano.feedback.errors import BadReviewerError
from volano.feedback.metric import Metric
from volano.stats.agreement import Agreement, cohen_kappa, krippendorff_alpha

LEASE_US = 10 * 60 * 1_000_000
MOST_ITEMS = 2_000
MOST_REVIEWERS = 20

Answer = str | float
Answers = dict[int, dict[str, Answer]]
"""By item and reviewer: what was given. Skipped places and words alone are not in it."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What is reviewed by what. `chosen` says how its traces were."""

    name: str
    metric: str
    reviewers: int
    guidelines: str
    chosen: dict[str, Any]
    created_us: int
    created_by: str
    closed_us: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One trace to be looked at. `resolved` is the last word where reviewers differed."""

    item: int
    trace_id: str
    resolved: str | None = None
    resolved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A reviewer at an item."""

    item: int
    reviewer: str
    state: str
    until_us: int
    answer: Answer | None
    feedback_id: str | None
    at_us: int

    def taken(self, now_us: int) -> bool:
        """Whether nobody else can have it."""
        return self.state == "given" or (self.state == "leased" and self.until_us > now_us)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a queue is, and how far its reviewers agree. `done` items have all their answers."""

    queue: Queue
    items: int
    done: int
    given: int
    wanted: int
    by_reviewer: dict[str, int]
    kappa: Agreement | None
    alpha: Agreement | None
    differ: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        q = self.queue
        return {
            "name": q.name, "metric": q.metric, "reviewers": q.reviewers, "items": self.items,
            "done": self.done, "given": self.given, "wanted": self.wanted,
            "by_reviewer": self.by_reviewer, "kappa": _plain(self.kappa),
            "alpha": _plain(self.alpha), "disagreements": self.differ,
            "state": "closed" if q.closed_us else "done" if self.done == self.items else "open",
            "chosen": q.chosen, "guidelines": q.guidelines, "created_us": q.created_us,
            "created_by": q.created_by,
        }  # fmt: skip


def next_item(
    items: Sequence[Item], places: Sequence[Place], reviewer: str, *, wanted: int, now_us: int
) -> Item | None:
    """Return what this reviewer looks at now: what they hold, else what is nearest to done.

    None: nothing is left for them.
    """
    own = {place.item: place for place in places if place.reviewer == reviewer}
    taken: dict[int, int] = {}
    for place in places:
        if place.reviewer != reviewer and place.taken(now_us):
            taken[place.item] = taken.get(place.item, 0) + 1
    for item in items:
        held = own.get(item.item)
        if held is not None and held.state == "leased" and held.until_us > now_us:
            return item
    free = [
        item for item in items
        if item.resolved is None and taken.get(item.item, 0) < wanted
        and (item.item not in own or own[item.item].state == "leased")
    ]  # fmt: skip
    return min(free, key=lambda item: (-taken.get(item.item, 0), item.item), default=None)


def standing(
    queue: Queue, metric: Metric, items: Sequence[Item], places: Sequence[Place]
) -> Standing:
    """Sum a queue up."""
    given = [place for place in places if place.state == "given"]
    by_item: dict[int, int] = {}
    by_reviewer: dict[str, int] = {}
    for place in given:
        by_item[place.item] = by_item.get(place.item, 0) + 1
        by_reviewer[place.reviewer] = by_reviewer.get(place.reviewer, 0) + 1
    answers = _answers(given)
    done = sum(by_item.get(item.item, 0) >= queue.reviewers or item.resolved is not None
               for item in items)  # fmt: skip
    return Standing(
        queue, len(items), done, len(given), len(items) * queue.reviewers,
        dict(sorted(by_reviewer.items())), *_agreement(metric, answers),
        _differing(items, answers),
    )  # fmt: skip


def _answers(given: Sequence[Place]) -> Answers:
    found: Answers = {}
    for place in given:
        if place.answer is not None:
            found.setdefault(place.item, {})[place.reviewer] = place.answer
    return found


def _agreement(metric: Metric, answers: Answers) -> tuple[Agreement | None, Agreement | None]:
    """Return kappa (of two reviewers in all, by words) and alpha (of any number)."""
    units = [tuple(said.values()) for said in answers.values()]
    if not any(len(unit) > 1 for unit in units):
        return None, None
    scale = "interval" if metric.type == "number" else "nominal"
    alpha = krippendorff_alpha(units, scale)  # type: ignore[arg-type]
    names = sorted({name for said in answers.values() for name in said})
    if len(names) != 2 or scale != "nominal":
        return None, alpha
    one, other = names
    pairs = [(said[one], said[other]) for said in answers.values() if len(said) == 2]
    return cohen_kappa(pairs), alpha


def _differing(items: Sequence[Item], answers: Answers) -> list[dict[str, Any]]:
    return [
        {
            "item": item.item, "trace_id": item.trace_id, "answers": answers[item.item],
            "resolved": item.resolved, "resolved_by": item.resolved_by,
        }
        for item in items
        if len(set(answers.get(item.item, {}).values())) > 1
    ]  # fmt: skip


def reviewer_name(text: str) -> str:
    """Return a reviewer's name as it is kept.

    Raises:
        BadReviewerError: empty, too long, or not printable.
    """
    name = " ".join(text.split()) if isinstance(text, str) else ""
    if not 0 < len(name) <= 60 or not name.isprintable():
        raise BadReviewerError(name=ascii(text)[1:-1][:80])
    return name


def _plain(found: Agreement | None) -> Mapping[str, Any] | None:
    return None if found is None else found._asdict()
