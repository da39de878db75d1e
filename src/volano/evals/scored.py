"""Scored: what each answer is worth to each scorer, and why some have no worth that anybody knows.

A scorer that raises, or gives what is no score, leaves its rows unmeasured with the reason; the
suite goes on. An answer that is an error is unmeasured by all. Cheap scorers run in a row; those
that wait for something (a judge, a sandbox) get threads, and quick ones score while others are asked.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scoring import Scorer, Scores, Tools, Unit, Unmeasured
from volano.evals.summary import state

Line: TypeAlias = dict[str, Any]
Named: TypeAlias = Sequence[tuple[str, Scorer]]
Pair: TypeAlias = tuple[Case, Answered]
Units: TypeAlias = dict[str, tuple[Unit, bool]]
Found: TypeAlias = dict[tuple[str, int], Scores | Unmeasured]
Tell: TypeAlias = Callable[[str, int, int], None]

SLOW_S = 0.002
"""A scorer that takes longer than this for each of its first answers gets threads."""
FIRST = 3


class Early:
    """Scores answers as they come, by those scorers that are quick, and begins their lines."""

    def __init__(self, cases: Mapping[str, Case], scorers: Named, tools: Tools):
        self._cases = cases
        self._tools = tools
        quick = [scorer for _, scorer in scorers if getattr(scorer, "quick", False)]
        self._found: list[tuple[Scorer, Found]] = [(scorer, {}) for scorer in quick]
        self._lines: dict[tuple[str, int], tuple[Answered, Line]] = {}

    def __call__(self, answers: Sequence[Answered]) -> None:
        """Score answers."""
        for one in answers:
            case, key = self._cases[one.id], (one.id, one.repetition)
            self._lines[key] = one, _line(case, one)
            if one.error is None:
                for scorer, found in self._found:
                    found[key] = _one(scorer, (case, one), self._tools)

    def found(self, scorer: Scorer) -> Found:
        """Return what a scorer said, by row and repetition."""
        return next((found for one, found in self._found if one is scorer), {})

    def line(self, case: Case, answered: Answered) -> Line:
        """Return the line of an answer, without scores. It is handed out once."""
        one, line = self._lines.pop((answered.id, answered.repetition), (None, {}))
        return line if one is answered else _line(case, answered)


def score_all(
    cases: Sequence[Case],
    answers: Sequence[Answered],
    scorers: Named,
    tools: Tools,
    *,
    at_once: int = 16,
    tell: Tell | None = None,
    early: Early | None = None,
) -> tuple[list[Line], Units]:
    """Return a line of `answers.jsonl` for each answer, and the unit of each score.

    `cases` and `answers` go in pairs. `tell` hears the scorer, how many answers it has scored,
    and of how many. What was scored `early` is not scored again.
    """
    begun = early.line if early else _line
    lines = [begun(case, one) for case, one in zip(cases, answers, strict=True)]
    bad = [line for line in lines if line["error"] and state(line) == "error"]
    good = [at for at, line in enumerate(lines) if not line["error"] or state(line) != "error"]
    units: Units = {}
    for name, scorer in scorers:
        pairs = [(cases[at], answers[at]) for at in good]
        known = early.found(scorer) if early else {}
        found = _scored(name, scorer, pairs, tools, at_once, tell, known)
        shapes = dict.fromkeys(tuple(one) for one in found if not isinstance(one, Unmeasured))
        given = dict.fromkeys(key for keys in shapes for key in keys)
        names = [*given] or [name]
        if given or len(good) < len(lines) or found:
            units.update(dict.fromkeys(names, (scorer.unit, scorer.bigger)))
        for at, scores in zip(good, found, strict=True):
            _put(lines[at], scorer, scores, names)
        for line in bad:
            _put(line, scorer, Unmeasured(f"no answer: {line['error']}"[:200]), names)
    _note(lines, tools.notes)
    return lines, units


def _note(lines: Sequence[Line], notes: Mapping[str, Any]) -> None:
    """Put what scorers noted of a row and repetition into its line: why a program failed, say."""
    for line in lines if notes else ():
        key = line["id"], line["repetition"]
        if said := {name: by_row[key] for name, by_row in notes.items() if key in by_row}:
            line["notes"] = said


def _scored(
    name: str,
    scorer: Scorer,
    pairs: Sequence[Pair],
    tools: Tools,
    at_once: int,
    tell: Tell | None,
    known: Found,
) -> list[Scores | Unmeasured]:
    if known:
        return [
            known.get((one.id, one.repetition)) or _one(scorer, (case, one), tools)
            for case, one in pairs
        ]
    found: list[Scores | Unmeasured] = []
    least = math.inf
    for pair in pairs[:FIRST]:
        began = time.perf_counter()
        found.append(_one(scorer, pair, tools))
        least = min(least, time.perf_counter() - began)
    rest = pairs[FIRST:]
    if least <= SLOW_S or not rest:
        found += [_one(scorer, pair, tools) for pair in rest]
        return found
    with ThreadPoolExecutor(at_once, thread_name_prefix="score") as pool:
        try:
            for scores in pool.map(lambda pair: _one(scorer, pair, tools), rest):
                found.append(scores)
                if tell is not None:
                    tell(name, len(found), len(pairs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _one(scorer: Scorer, pair: Pair, tools: Tools) -> Scores | Unmeasured:
    try:
        return scorer.score(*pair, tools)
    except Exception as error:  # noqa: BLE001 - whatever a scorer raises is why there is no score
        return Unmeasured(f"{type(error).__name__}: {error}"[:200])


def _put(line: Line, scorer: Scorer, scores: Scores | Unmeasured, names: Sequence[str]) -> None:
    """Write scores into a line; a scorer that broke has none under all names that it gives elsewhere."""
    given = dict.fromkeys(names, scores) if isinstance(scores, Unmeasured) else scores
    kept = line["scores"]
    for key, value in given.items():
        if type(value) is float and 0 <= value <= 1:  # what nearly all scores are
            kept[key] = value
            continue
        good = _good(value, scorer)
        if isinstance(good, Unmeasured):
            kept[key] = None
            line["unmeasured"][key] = good.why
        else:
            kept[key] = good


def _good(value: Any, scorer: Scorer) -> float | Unmeasured:
    if isinstance(value, Unmeasured):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return Unmeasured(f"the scorer gave {value!r:.60}, which is no number")
    if not math.isfinite(number):
        return Unmeasured(f"the scorer gave {number}")
    if scorer.unit == "share" and not 0 <= number <= 1:
        return Unmeasured(f"the scorer gave {number:g}; a share lies between 0 and 1")
    return number


def _line(case: Case, one: Answered) -> Line:
    line = one.to_dict()
    line["scores"], line["unmeasured"] = {}, {}
    line["cluster"], line["slices"] = case.cluster, dict(case.slices)
    line["critical"] = case.critical
    return line
