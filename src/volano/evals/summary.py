"""Summary: what a report says about all answers of a suite, each number with its uncertainty.

It reads the lines of `answers.jsonl`, one for each row and repetition. Repetitions of a row are
averaged first, for they say little about other rows; rows of one cluster count as what they are
(`stats.clustered`). What is unmeasured is counted with its reasons and never averaged.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from volano.core.score import Score
from volano.evals.reasons import counted
from volano.evals.repeated import Parts, Pass, parts, passes
from volano.evals.scoring import Unit
from volano.stats.clustered import Interval, mean_interval, quantile_interval

CONFIDENCE = 0.95
FEW_CLUSTERS, MUCH_UNMEASURED, MOST_SLICES = 10, 0.05, 100

State: TypeAlias = Literal["answered", "empty", "refused", "cut", "error"]
STATES: tuple[State, ...] = get_args(State)
_FILTERED = ("content_filter", "content_policy")
"""Codes by which providers say that they will not answer this, as an error."""
_REFUSED = ("content_filter", "refusal", "refused", "safety")
Line: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Summary:
    """What all lines say.

    `rows` and `answers` count rows and lines; `clusters` groups of rows that stand for themselves.
    `unmeasured` is score -> reason -> lines; `slices` field -> value -> scores. `parts` and
    `passes` speak of repetitions and are empty without them. `cost_nano` is by currency.
    """

    rows: int
    answers: int
    repetitions: int
    clusters: int
    scores: tuple[Score, ...]
    units: Mapping[str, tuple[Unit, bool]] = field(default_factory=dict)
    unmeasured: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    states: Mapping[str, int] = field(default_factory=dict)
    parts: Mapping[str, Parts] = field(default_factory=dict)
    passes: tuple[Pass, ...] = ()
    slices: Mapping[str, Mapping[str, tuple[Score, ...]]] = field(default_factory=dict)
    cost_nano: Mapping[str, int] = field(default_factory=dict)
    critical: int = 0
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            **{
                name: getattr(self, name) for name in ("rows", "answers", "repetitions", "clusters")
            },
            "scores": [score.to_dict() for score in self.scores],
            "units": {name: [unit, bigger] for name, (unit, bigger) in self.units.items()},
            "unmeasured": {name: dict(why) for name, why in self.unmeasured.items()},
            "states": dict(self.states),
            "parts": {name: asdict(one) for name, one in self.parts.items()},
            "passes": [one.to_dict() for one in self.passes],
            "slices": {
                by: {
                    value: [score.to_dict() for score in scores] for value, scores in values.items()
                }
                for by, values in self.slices.items()
            },
            "cost_nano": dict(self.cost_nano),
            "critical": self.critical,
            "warnings": [*self.warnings],
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Summary":
        """Read `to_dict` back.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        return cls(
            raw["rows"], raw["answers"], raw["repetitions"], raw["clusters"],
            _scores(raw["scores"]),
            {name: (unit, bool(bigger)) for name, (unit, bigger) in raw["units"].items()},
            raw["unmeasured"], raw["states"],
            {name: Parts(**one) for name, one in raw["parts"].items()},
            tuple(Pass.from_dict(one) for one in raw["passes"]),
            {
                by: {value: _scores(scores) for value, scores in values.items()}
                for by, values in raw["slices"].items()
            },
            raw["cost_nano"], raw["critical"], tuple(raw["warnings"]),
        )  # fmt: skip


def summary(lines: Sequence[Line], units: Mapping[str, tuple[Unit, bool]]) -> Summary:
    """Return what lines of `answers.jsonl` say; `units` is score -> (unit, is more better).

    A score without a unit is a share of which more is better; `NAME/PART` has the unit of `NAME`.

    Raises:
        StatsInputError: a share lies outside [0, 1], or a score is no finite number.
    """
    rows = by_row(lines)
    clusters = {row: _cluster(row, group[0]) for row, group in rows.items()}
    values = _values(rows)
    known = {name: unit_of(name, units) for name in values}
    shares = {name: got for name, got in values.items() if got and known[name][0] == "share"}
    repetitions = max((len(group) for group in rows.values()), default=0)
    found = Summary(
        len(rows), len(lines), repetitions, len(set(clusters.values())),
        tuple(s for name, got in values.items() if got for s in _all(name, known[name][0], got, clusters)),
        known, _unmeasured(lines), states(lines),
        {name: one for name, got in values.items() if (one := parts([*got.values()]))},
        tuple(one for name, got in shares.items() for one in passes(name, got, clusters)),
        _slices(rows, values, known, clusters),
        _costs(lines),
        sum(bool(group[0].get("critical")) for group in rows.values()),
    )  # fmt: skip
    return replace(found, warnings=tuple(_warnings(found, rows)))


def by_row(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Return the lines of each row, in the order in which rows come first."""
    rows: dict[str, list[Line]] = {}
    for line in lines:
        rows.setdefault(line["id"], []).append(line)
    return rows


def _values(rows: Mapping[str, Sequence[Line]]) -> dict[str, dict[str, list[float]]]:
    """Return score -> row -> what it has in each repetition; scores that nothing has are empty."""
    found: dict[str, dict[str, list[float]]] = {}
    for row, group in rows.items():
        for line in group:
            for name, value in (line.get("scores") or {}).items():
                here = found.get(name)
                if here is None:
                    here = found[name] = {}
                if value is None:
                    continue
                if row in here:
                    here[row].append(float(value))
                else:
                    here[row] = [float(value)]
    return found


def measured(group: Sequence[Line], name: str) -> list[float]:
    """Return one score of a row in each repetition that has it."""
    found = []
    for line in group:
        value = (line.get("scores") or {}).get(name)
        if value is not None:
            found.append(float(value))
    return found


def unit_of(name: str, units: Mapping[str, tuple[Unit, bool]]) -> tuple[Unit, bool]:
    """Return what a score counts in, and whether more is better."""
    return units.get(name) or units.get(name.split("/")[0]) or ("share", True)


def state(line: Line) -> State:
    """Return what became of one question."""
    reason = str(line.get("finish_reason") or "")
    error = str(line.get("error") or "")
    if reason in _REFUSED or (error and any(word in error for word in _FILTERED)):
        return "refused"
    if error:
        return "error"
    if reason == "length":
        return "cut"
    return "answered" if str(line.get("answer", "")).strip() or line.get("tools") else "empty"


def states(lines: Sequence[Line]) -> dict[str, int]:
    """Return how many lines are in each state; every state is told, also those that nothing is in."""
    found = Counter(map(state, lines))
    return {one: found[one] for one in STATES}


def score_of(
    name: str, unit: Unit, got: Mapping[str, Sequence[float]], clusters: Mapping[str, str]
) -> Score:
    """Return one score over rows: the mean, and of times the median."""
    means = [sum(one) / len(one) for one in got.values()]
    keys = [clusters[row] for row in got]
    if unit == "ms":
        return _score(name, quantile_interval(means, 0.5, keys, confidence=CONFIDENCE), "median, ")
    return _score(name, mean_interval(means, keys, share=unit == "share", confidence=CONFIDENCE))


def _all(
    name: str, unit: Unit, got: Mapping[str, Sequence[float]], clusters: Mapping[str, str]
) -> list[Score]:
    """Return the score; of times also the 95th percentile of all answers, as NAME/p95."""
    scores = [score_of(name, unit, got, clusters)]
    if unit == "ms":
        flat = [(value, clusters[row]) for row, values in got.items() for value in values]
        values, keys = [value for value, _ in flat], [key for _, key in flat]
        tail = quantile_interval(values, 0.95, keys, confidence=CONFIDENCE)
        scores.append(_score(f"{name}/p95", tail._replace(n=len(got))))
    return scores


def _score(name: str, got: Interval, before: str = "") -> Score:
    method = f"{before}{got.method}"
    return Score(name, got.value, got.low, got.high, got.n, CONFIDENCE, method)


def _cluster(row: str, line: Line) -> str:
    """Return a row's cluster; a row without one is its own, whatever clusters are called."""
    cluster = str(line.get("cluster") or "")
    return f"cluster:{cluster}" if cluster else f"row:{row}"


def _unmeasured(lines: Sequence[Line]) -> dict[str, dict[str, int]]:
    """Return for each score how many lines lack it, and the commonest reasons."""
    found: dict[str, list[str]] = {}
    for line in lines:
        scores, reasons = line.get("scores") or {}, line.get("unmeasured") or {}
        if None not in scores.values():
            continue
        for name, value in scores.items():
            if value is None:
                why = str(reasons.get(name, "no reason given"))[:200]
                found.setdefault(name, []).append(why)
    return {name: counted(whys) for name, whys in found.items()}


def _slices(
    rows: Mapping[str, Sequence[Line]],
    values: Mapping[str, Mapping[str, Sequence[float]]],
    known: Mapping[str, tuple[Unit, bool]],
    clusters: Mapping[str, str],
) -> dict[str, dict[str, tuple[Score, ...]]]:
    members: dict[str, dict[str, list[str]]] = {}
    for row, group in rows.items():
        for by, value in (group[0].get("slices") or {}).items():
            members.setdefault(str(by), {}).setdefault(str(value), []).append(row)
    found: dict[str, dict[str, tuple[Score, ...]]] = {}
    for by, groups in members.items():
        largest = sorted(groups.items(), key=lambda one: -len(one[1]))[:MOST_SLICES]
        found[by] = {
            value: tuple(
                score_of(name, known[name][0], here, clusters)
                for name, got in values.items()
                if (here := {row: got[row] for row in inside if row in got})
            )
            for value, inside in largest
        }
    return found


def _costs(lines: Sequence[Line]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for line in lines:
        if line.get("cost_nano") is not None:
            found[str(line.get("currency") or "")] += int(line["cost_nano"])
    return dict(found)


def _warnings(found: Summary, rows: Mapping[str, Sequence[Line]]) -> list[str]:
    """Say what a reader must know before the numbers are believed."""
    said = []
    if 0 < found.clusters < FEW_CLUSTERS and found.clusters < found.rows:
        said.append(
            f"The intervals rest on {found.clusters} clusters: below {FEW_CLUSTERS} they are rough."
        )
    for name, reasons in found.unmeasured.items():
        share = sum(reasons.values()) / max(1, found.answers)
        if share > MUCH_UNMEASURED:
            said.append(
                f"{name} is unmeasured on {share:.0%} of the answers; it speaks of the others."
            )
    if lacking := sum(len(group) < found.repetitions for group in rows.values()):
        said.append(
            f"{lacking} of {found.rows} rows have fewer than {found.repetitions} repetitions."
        )
    if lost := found.states["error"]:
        said.append(f"{lost} of {found.answers} answers are errors; no score speaks of them.")
    return said


def _scores(raw: Sequence[Mapping[str, Any]]) -> tuple[Score, ...]:
    return tuple(Score(**one) for one in raw)
