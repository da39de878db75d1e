"""Calls of tools: the right ones, with the right arguments, and the way that an agent took."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scorers.bits import common
from volano.evals.scorers.json_value import same
from volano.evals.scorers.one import check_choice, unanswered
from volano.evals.scoring import SCORERS, Plain, Scores, Tools, Unmeasured

WAYS = ("exact", "in_order", "any_order", "subset")
MOST = 1000
"""Calls of one answer that are looked at; more are unmeasured."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: a tool's name and its arguments; None where they are no JSON object."""

    name: str
    arguments: Mapping[str, Any] | None


def read(raw: Any) -> Call | None:
    """Return a call from `NAME`, `{"name", "arguments"}` or OpenAI's form; None where it is none."""
    if isinstance(raw, str):
        return Call(raw, {})
    if not isinstance(raw, Mapping):
        return None
    inner = raw.get("function", raw)
    inner = inner if isinstance(inner, Mapping) else raw
    arguments = inner.get("arguments", inner.get("input", {}))
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            arguments = None
    name = inner.get("name")
    if not isinstance(name, str):
        return None
    return Call(name, arguments if isinstance(arguments, Mapping) else None)


def _wanted(case: Case, key: str) -> list[Call] | Unmeasured | None:
    """Return the calls that the row expects; None where it says nothing of calls."""
    given = case.expected.get(key)
    if given is None:
        return None
    found = [read(one) for one in given] if isinstance(given, list | tuple) else [None]
    told = [one for one in found if one is not None and one.arguments is not None]
    if len(told) < len(found):
        return Unmeasured(f"`{key}` of the row is no list of calls")
    return told


def fits(said: Call, wanted: Call, arguments: str) -> bool:
    """Return whether a call is the one expected: by name, and by arguments `exact`, as a `subset`, or not at all."""
    if said.name != wanted.name:
        return False
    if arguments == "names":
        return True
    if said.arguments is None or wanted.arguments is None:
        return False
    if arguments == "exact":
        return same(said.arguments, wanted.arguments)
    try:
        return _within(wanted.arguments, said.arguments)
    except RecursionError:
        return False


def _within(wanted: Any, said: Any) -> bool:
    if isinstance(wanted, Mapping) and isinstance(said, Mapping):
        return all(key in said and _within(value, said[key]) for key, value in wanted.items())
    return same(said, wanted)


@SCORERS.register("tool_calls")
@dataclass(frozen=True)
class ToolCalls(Plain):
    """Whether the model called the tools that the row expects (`tools` in `expected`: names with arguments).

    Gives `tool_calls` (1 when all are there and no other), `tool_calls/recall` (the share of expected calls made) and
    `tool_calls/precision` (the share of calls made that were expected). `arguments` are compared `exact` (as JSON), as a
    `subset` (the label's must be there), or not at all (`names`). With `order` the calls must come as listed.
    An empty list expects no call. Rows without `tools` are unmeasured.
    """

    arguments: str = "exact"
    order: bool = True

    def __post_init__(self) -> None:
        check_choice("tool_calls", "arguments", self.arguments, ("exact", "subset", "names"))

    def score(self, case: Case, answered: Answered, tools: Tools) -> Scores:
        """Return the three scores."""
        names = ("tool_calls", "tool_calls/recall", "tool_calls/precision")
        wanted = _wanted(case, "tools")
        why = unanswered(answered)
        if wanted is None:
            why = why or Unmeasured("the row expects no tools")
        elif isinstance(wanted, Unmeasured):
            why = why or wanted
        elif len(wanted) > MOST or len(answered.tools) > MOST:
            why = why or Unmeasured(f"there are more than {MOST:,} calls")
        if why or wanted is None or isinstance(wanted, Unmeasured):
            return dict.fromkeys(names, why or Unmeasured("the row expects no tools"))
        said = [read(one) for one in answered.tools]
        hits = self._hits([one for one in said if one], wanted)
        return {
            names[0]: float(hits == len(wanted) == len(said)),
            names[1]: hits / len(wanted) if wanted else Unmeasured("no call is expected"),
            names[2]: hits / len(said) if said else Unmeasured("no tool was called"),
        }

    def _hits(self, said: Sequence[Call], wanted: Sequence[Call]) -> int:
        """Return how many expected calls were made: as a subsequence, or as pairs in any order."""
        hit = [[fits(one, other, self.arguments) for other in wanted] for one in said]
        return _ordered(hit) if self.order else _paired(hit, len(wanted))


def _ordered(hit: Sequence[Sequence[bool]]) -> int:
    """Return the longest common subsequence by a table of what fits."""
    best = [0] * (len(hit[0]) + 1) if hit else [0]
    for row in hit:
        fresh = [0]
        for at, good in enumerate(row):
            fresh.append(max(fresh[-1], best[at + 1], best[at] + 1 if good else 0))
        best = fresh
    return best[-1]


def _paired(hit: Sequence[Sequence[bool]], wanted: int) -> int:
    """Return the most pairs that fit, each call once (augmenting paths, Kuhn 1955)."""
    owner: list[int | None] = [None] * wanted
    return sum(_place(call, hit, owner) for call in range(len(hit)))


def _place(call: int, hit: Sequence[Sequence[bool]], owner: list[int | None]) -> bool:
    """Find a place for a call, moving others to places that fit them too."""
    came: dict[int, tuple[int, int | None]] = {}  # place -> the call that wants it, its old place
    todo: list[tuple[int, int | None]] = [(call, None)]
    while todo:
        mover, old = todo.pop()
        for at, good in enumerate(hit[mover]):
            if not good or at in came:
                continue
            came[at] = (mover, old)
            if (there := owner[at]) is not None:
                todo.append((there, at))
                continue
            free: int | None = at
            while free is not None:
                owner[free], free = came[free]
            return True
    return False


@SCORERS.register("trajectory")
@dataclass(frozen=True)
class Trajectory(Plain):
    """Whether an agent went the way that the row expects (`steps` in `expected`: names of tools in order).

    Gives `trajectory` (0 or 1) and `trajectory/found`, the share of expected steps that it took. `match`: `exact` the same
    steps and no other; `in_order` all of them in this order, others between; `any_order` all of them;
    `subset` no step that is not expected. Arguments do not count. Rows without `steps` are unmeasured.
    """

    match: str = "in_order"

    def __post_init__(self) -> None:
        check_choice("trajectory", "match", self.match, WAYS)

    def score(self, case: Case, answered: Answered, tools: Tools) -> Scores:
        """Return both scores."""
        steps = _wanted(case, "steps")
        why = unanswered(answered)
        if steps is None:
            why = why or Unmeasured("the row expects no steps")
        elif isinstance(steps, Unmeasured):
            why = why or steps
        elif len(answered.tools) > MOST or len(steps) > MOST:
            why = why or Unmeasured(f"there are more than {MOST:,} steps")
        if why or steps is None or isinstance(steps, Unmeasured):
            told = why or Unmeasured("the row expects no steps")
            return {"trajectory": told, "trajectory/found": told}
        said = [one.name if (one := read(raw)) else "" for raw in answered.tools]
        wanted = [one.name for one in steps]
        in_order = common(said, wanted)
        shared = (Counter(said) & Counter(wanted)).total()
        right = {
            "exact": said == wanted,
            "in_order": in_order == len(wanted),
            "any_order": shared == len(wanted),
            "subset": shared == len(said),
        }[self.match]
        took = in_order if self.match in {"exact", "in_order"} else shared
        found = took / len(wanted) if wanted else Unmeasured("no step is expected")
        return {"trajectory": float(right), "trajectory/found": found}
