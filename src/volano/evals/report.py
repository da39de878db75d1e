"""A Report: what a model scored on which rows, how sure that is, and what no skill would score."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from volano.core.digest import Digest
from volano.core.score import Score
from volano.data import Label, Row
from volano.data.row import key_of
from volano.evals import seen
from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.errors import BadScoreError
from volano.evals.scoring import Scorer, Tools, Unmeasured, make
from volano.evals.summary import Summary
from volano.stats.baseline import majority_class
from volano.stats.intervals import paired_means, wilson

CONFIDENCE = 0.95
FORMAT = 2
READABLE = (1, 2)
"""Format 1 had no summary: scores of its rows, each asked once, none unmeasured."""


@dataclass(frozen=True, slots=True)
class Report:
    """`subject` and `dataset` are refs; `rows` names the exact set of rows; `n` counts them.

    `failed` answers are errors (in format 1 they scored 0); `cut` answers ran into the token
    limit. `baseline` holds, under the names of scores, what always giving the training split's
    commonest answer would get. `summary` is all that the answers say, None in format 1. `suite`
    is the ref of what asked, `judges` are the models that scored, `seen` is what a search for the
    rows in training data found.
    """

    subject: str
    dataset: str
    split: str
    rows: str
    n: int
    scores: tuple[Score, ...]
    baseline: tuple[Score, ...]
    failed: int = 0
    cut: int = 0
    summary: Summary | None = None
    suite: str = ""
    judges: tuple[str, ...] = ()
    seen: Mapping[str, Any] = field(default_factory=dict)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before the numbers are believed."""
        return self.summary.warnings if self.summary else ()

    def score(self, name: str) -> Score | None:
        """Return the score of this name, if there is one."""
        return next((score for score in self.scores if score.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "format": FORMAT,
            "subject": self.subject,
            "dataset": self.dataset,
            "split": self.split,
            "rows": self.rows,
            "n": self.n,
            "scores": [score.to_dict() for score in self.scores],
            "baseline": [score.to_dict() for score in self.baseline],
            "failed": self.failed,
            "cut": self.cut,
            "summary": self.summary.to_dict() if self.summary else None,
            "suite": self.suite,
            "judges": [*self.judges],
            "seen": dict(self.seen),
        }

    def brief(self) -> dict[str, Any]:
        """Return what a manifest tells of it: no slices, no reasons."""
        told = self.to_dict()
        whole = told.pop("summary") or {}
        few = ("answers", "repetitions", "clusters", "units", "states", "cost_nano", "warnings")
        lacking = {name: sum(why.values()) for name, why in whole.get("unmeasured", {}).items()}
        return {
            **told,
            **{name: whole[name] for name in few if name in whole},
            "unmeasured": lacking,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Report":
        """Read a report back.

        Raises:
            KeyError, TypeError, ValueError: it is none of this format.
        """
        if raw["format"] not in READABLE:
            raise ValueError(raw["format"])
        return cls(
            raw["subject"], raw["dataset"], raw["split"], raw["rows"], raw["n"],
            tuple(Score(**score) for score in raw["scores"]),
            tuple(Score(**score) for score in raw["baseline"]),
            raw["failed"], raw["cut"],
            Summary.from_dict(raw["summary"]) if raw.get("summary") else None,
            raw.get("suite", ""), tuple(raw.get("judges", ())), raw.get("seen", {}),
        )  # fmt: skip

    def to_text(self) -> str:
        """Return a summary for people, in lines of at most 100 characters or so."""
        base = {score.name: score.value for score in self.baseline}
        width = max((len(score.name) for score in self.scores), default=0)
        lines = [f"{self.subject} on {self.dataset} ({self.split}, {self.n} rows)"]
        for score in self.scores:
            line = (
                f"  {score.name:<{width}}  {score.value:.3f}  [{score.low:.3f}, {score.high:.3f}]"
            )
            known = base.get(score.name)
            lines.append(line if known is None else f"{line}  commonest answer: {known:.3f}")
        if self.failed and not self.summary:
            lines.append(f"  {self.failed} rows got no answer and count as 0")
        if self.cut:
            lines.append(f"  {self.cut} answers were cut at the token limit")
        lines += [f"  {warning}" for warning in self.warnings]
        if told := seen.sentence(self.seen):
            lines.append(f"  {told}")
        return "\n".join(lines)


def digest_of(rows: Iterable[Row]) -> str:
    """Return the digest of a set of rows: equal for the same texts and labels in any order."""
    return str(Digest.of("\n".join(sorted(row.id for row in rows)).encode()))


def scores_of(answer: str, label: Label, scorers: Sequence[str]) -> dict[str, float]:
    """Return all scores of one answer by name.

    Raises:
        UnknownPluginError: there is no such scorer.
        BadScoreError: a scorer gave something outside [0, 1].
    """
    found: dict[str, float] = {}
    case = Case("", "", label)
    for scorer in scorers:
        for name, value in _made(scorer).score(case, Answered("", answer), Tools()).items():
            if isinstance(value, Unmeasured):
                continue
            if not 0 <= value <= 1:
                raise BadScoreError(scorer=scorer, name=name, value=value)
            found[name] = float(value)
    return found


@lru_cache(maxsize=64)
def _made(name: str) -> Scorer:
    return make(name)[1]


def summarise(values: Sequence[Mapping[str, float]]) -> tuple[Score, ...]:
    """Return a Score for each name: Wilson's interval for 0/1 values, else Student's t."""
    names = dict.fromkeys(name for one in values for name in one)
    return tuple(_score(name, [one[name] for one in values if name in one]) for name in names)


def baseline(
    train: Sequence[Row], rows: Sequence[Row], scorers: Sequence[str]
) -> tuple[Score, ...]:
    """Return the scores of always saying the commonest: label, and for objects also each field.

    Commonest means in `train` (in `rows` where there is no train split). For
    objects the answer is made of the commonest value of each field, so that
    exact match says what fields taken one by one would score together.
    """
    known = train or rows
    if not known:
        return ()
    answer = _text(_commonest([row.label for row in known]))
    telling = [scorer for scorer in scorers if scorer != "valid_json"]
    keys = [key_of(row.label) for row in rows]
    one_each = dict(zip(keys, (row.label for row in rows), strict=True))
    found = {key: scores_of(answer, label, telling) for key, label in one_each.items()}
    return summarise([found[key] for key in keys])


def _score(name: str, values: Sequence[float]) -> Score:
    n, mean = len(values), math.fsum(values) / len(values)
    if all(value in {0.0, 1.0} for value in values):
        low, high = wilson(int(sum(values)), n, CONFIDENCE)
        return Score(name, mean, low, high, n, CONFIDENCE, "wilson")
    _, low, high = paired_means([0.0] * n, values, CONFIDENCE)
    return Score(name, mean, max(0.0, low), min(1.0, high), n, CONFIDENCE, "student-t")


def _commonest(labels: Sequence[Label]) -> Label:
    if isinstance(labels[0], str):
        return str(majority_class(str(label) for label in labels).label)
    return {
        name: _commonest_value([label[name] for label in labels if not isinstance(label, str)])
        for name in labels[0]
    }


def _commonest_value(values: Sequence[Any]) -> Any:
    by_key = {key_of(value): value for value in values}
    return by_key[majority_class(key_of(value) for value in values).label]


def _text(label: Label) -> str:
    return label if isinstance(label, str) else key_of(label).decode()
