"""Rehearsal: recorded requests asked of two releases, one after the other, each pair at once.

Both are asked here and now, in turns, so that machine, hour and path are the same for both; the
recorded answer is not compared with. Nothing of it is traffic: no user sees an answer, no
counter and no evidence of a rollout has it. What tools a model calls is never carried out.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from volano.core.errors import UnavailableError, VolanoError
from volano.core.ports.chat import Answer
from volano.core.schema import misfit
from volano.evals.journal import Journal
from volano.evals.scorers.refusal import refuses
from volano.store.artifact import Artifact

Ask = Callable[[str, bytes], Answer]
"""Asks a release a request by its door and body. Raises: a VolanoError."""
Open = Callable[[Sequence[Artifact]], AbstractContextManager[Sequence[Ask]]]
"""Opens releases to be asked, served or not."""
CostOf = Callable[[Answer, int], int | None]
"""What an answer cost, by its tokens and the microseconds it took; None: nobody knows."""

Schema = Mapping[str, Any] | None

WELL, ERROR, SCHEMA, REFUSED = "ok", "error", "schema", "refused"
SILENT = 10
"""After so many requests on end without an answer of the new release no more are asked."""
_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded request: its trace, who asked, by which door, its body."""

    trace: str
    unit: str
    door: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """What one release made of one request. `state` is ok, error, schema or refused."""

    state: str
    why: str = ""
    latency_us: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_nano: int | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """One request and what both releases made of it."""

    trace: str
    unit: str
    old: Told
    new: Told


def rehearse(
    requests: Sequence[Recorded],
    asks: Sequence[Ask],
    costs: Sequence[CostOf],
    *,
    schemas: Sequence[Schema],
    budget_nano: int | None,
    journal: Path,
    about: Mapping[str, str],
    progress: Callable[[int, int], None],
) -> list[Pair]:
    """Return what both releases made of the requests; those in the journal are not asked again.

    `schemas` is what the answers of each should keep: what callers count on. It stops where the budget is spent, and where the new
    release gives no answer at all: there is nothing more to learn then.

    Raises:
        JournalMismatchError, JournalBusyError, CorruptJournalError: the journal.
    """
    with Journal(journal, about) as book:
        done = {one["trace"]: _pair(one) for one in book.done}
        for at, request in enumerate(requests):
            if request.trace in done:
                continue
            if budget_nano is not None and _spent(done.values()) >= budget_nano:
                break
            if _silent([done[one.trace] for one in requests[max(0, at - SILENT) : at]]):
                break
            progress(len(done), len(requests))
            pair = _ask(request, asks, costs, schemas, first=at % 2)
            book.append([_plain(pair)])
            done[pair.trace] = pair
    return [done[one.trace] for one in requests if one.trace in done]


def _ask(
    request: Recorded, asks: Sequence[Ask], costs: Sequence[CostOf],
    schemas: Sequence[Schema], *, first: int,
) -> Pair:  # fmt: skip
    """Ask both; who goes first takes turns, so that a warm cache helps each as often."""
    own = b'"response_format"' in request.body
    told: dict[int, Told] = {}
    for which in (first, 1 - first):
        told[which] = _one(request, asks[which], costs[which], None if own else schemas[which])
    return Pair(request.trace, request.unit, told[0], told[1])


def _one(request: Recorded, ask: Ask, cost_of: CostOf, schema: Schema) -> Told:
    try:
        answer, took_us = _timed(request, ask)
    except UnavailableError:
        time.sleep(_AGAIN_S)
        try:
            answer, took_us = _timed(request, ask)
        except VolanoError as error:
            return Told(ERROR, error.message[:300])
    except VolanoError as error:
        return Told(ERROR, error.message[:300])
    state, why = _state(answer, schema)
    tokens = answer.prompt_tokens, answer.completion_tokens
    return Told(state, why, took_us, *tokens, cost_of(answer, took_us))


def _timed(request: Recorded, ask: Ask) -> tuple[Answer, int]:
    began = time.monotonic_ns()
    answer = ask(request.door, request.body)
    return answer, max(1, (time.monotonic_ns() - began) // 1000)


def _state(answer: Answer, schema: Schema) -> tuple[str, str]:
    if answer.finish_reason == "tool_calls":
        return WELL, ""
    if refuses(answer.text, answer.finish_reason):
        return REFUSED, answer.text[:120]
    wrong = misfit(answer.text, schema) if schema is not None else None
    return (WELL, "") if wrong is None else (SCHEMA, wrong[:300])


def _spent(pairs: Iterable[Pair]) -> int:
    """Return what was spent, and once more the dearest pair: the next may be as dear."""
    each = [(one.old.cost_nano or 0) + (one.new.cost_nano or 0) for one in pairs]
    return sum(each) + max(each, default=0)


def _silent(last: Sequence[Pair]) -> bool:
    return len(last) == SILENT and all(one.new.state == ERROR for one in last)


def _plain(pair: Pair) -> dict[str, Any]:
    return {
        "trace": pair.trace,
        "unit": pair.unit,
        "old": _fields(pair.old),
        "new": _fields(pair.new),
    }


def _fields(told: Told) -> dict[str, Any]:
    return {name: getattr(told, name) for name in Told.__slots__}


def _pair(raw: Mapping[str, Any]) -> Pair:
    return Pair(raw["trace"], raw["unit"], Told(**raw["old"]), Told(**raw["new"]))


def to_plain(pairs: Iterable[Pair]) -> list[dict[str, Any]]:
    """Return plain JSON values."""
    return [_plain(one) for one in pairs]


def from_plain(raw: Iterable[Mapping[str, Any]]) -> list[Pair]:
    """Read pairs back."""
    return [_pair(one) for one in raw]
