"""An Evaluator: which live calls are looked at, how many of them, by what, and what that may cost.

    name: helpfulness
    where: channel = support and not has tag.internal
    sample: 0.1
    scorers:
      - judge: {judge: "helpful@2"}
      - support
    budget: {calls: 500, money: 2 EUR}
    lag: 1h
    by: [language, release, tag.plan]

Whether a call is drawn hangs on its trace id, the evaluator's name and the seed alone: it is
the same at every look, its probability is `sample`, and a larger sample holds the smaller.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from volano.access.moment import duration_us
from volano.core.digest import Digest
from volano.core.errors import VolanoError
from volano.core.text import nfc
from volano.evals import scorers as _scorers  # registers ours
from volano.evals.scoring import Scorer, check_distinct, make
from volano.monitor.evaluators.errors import BadEvaluatorError
from volano.monitor.sliced import in_rollups
from volano.traces.filter import parse

MAX_BYTES = 64 << 10
CLUSTERS = ("session", "user", "call")
AGREEMENTS = ("exact", "near", "fields")
MOST_TIMES, MOST_SCORERS, MOST_SLICES = 10, 20, 8
WANT_LABELS = frozenset({
    "exact_match", "field_accuracy", "fields", "normalised", "numeric", "token_f1", "rouge", "bleu",
    "edit_similarity", "embedding", "chrf", "choice", "one_of", "tool_calls", "trajectory",
    "python_tests", "valid_json",
})  # fmt: skip
"""They compare with a right answer, which no live call has."""
_KNOWN = ("name", "where", "sample", "seed", "scorers", "consistency", "budget", "lag", "wait",
          "cluster", "by")  # fmt: skip
LONGEST_METRIC = 64
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,29}")
_STRANGE = re.compile(r"[^a-z0-9_/-]")
_MONEY = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))? ?([A-Z]{3})")
_SPACE = 1 << 64


@dataclass(frozen=True, slots=True)
class Consistency:
    """The same release is asked again `times` times; do the answers agree, `how`?"""

    times: int = 2
    how: str = "exact"


@dataclass(frozen=True, slots=True)
class Evaluator:
    """One version; versions never change. `calls` and `nano` (of `currency`) are of a UTC day.

    `lag_us`: older calls are not looked at any more; `wait_us`: younger ones not yet, as
    their spans may be on their way. `cluster` names what calls share in the intervals.
    """

    name: str
    version: int = 0
    where: str = ""
    sample: float = 0.1
    seed: int = 0
    scorers: tuple[Any, ...] = ()
    consistency: Consistency | None = None
    calls: int = 200
    nano: int | None = None
    currency: str = ""
    lag_us: int = 3600 * 10**6
    wait_us: int = 10 * 10**6
    cluster: str = "session"
    by: tuple[str, ...] = ("channel", "release", "language")
    created_us: int = 0
    created_by: str = ""

    @property
    def ref(self) -> str:
        """`helpfulness@2`."""
        return f"{self.name}@{self.version}"

    def draws(self, trace_id: str) -> bool:
        """Say whether a trace is drawn: with probability `sample`, the same at every look."""
        said = hashlib.sha256(f"{self.seed}\n{self.name}\n{trace_id}".encode()).digest()
        return int.from_bytes(said[:8], "big") < self.sample * _SPACE

    def made(self) -> Sequence[tuple[str, Scorer]]:
        """Return its scorers."""
        return [make(spec) for spec in self.scorers]

    def metric(self, score: str) -> str:
        """Return the name of the metric of a score: `helpfulness.support`.

        Metrics have names of plain letters. A score with others, or with too long a name, bears
        the beginning of its digest there, so that no two are one.
        """
        plain = _STRANGE.sub("_", score.lower()).replace("/", ".")
        name = f"{self.name}.{plain}"
        if not _STRANGE.search(score) and len(name) <= LONGEST_METRIC:
            return name
        mark = f".{Digest.of(score.encode()).short}"
        return name[: LONGEST_METRIC - len(mark)] + mark

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, as `from_dict` reads them."""
        told = {name: getattr(self, name) for name in self.__slots__}
        again = self.consistency
        return {
            "ref": self.ref, **told, "scorers": list(self.scorers), "by": list(self.by),
            "consistency": again and {"times": again.times, "how": again.how},
        }  # fmt: skip

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Evaluator":
        """Read one back from its table."""
        known = {name: raw[name] for name in cls.__slots__ if name in raw}
        again = known.get("consistency")
        return cls(**{
            **known, "scorers": tuple(known["scorers"]), "by": tuple(known["by"]),
            "consistency": Consistency(**again) if again else None,
        })  # fmt: skip

    def same(self, other: "Evaluator") -> bool:
        """Whether both say the same, whoever said it and when."""
        one, two = (replace(each, version=0, created_us=0, created_by="") for each in (self, other))
        return one == two


def read(text: str, *, seed: int | None = None) -> Evaluator:
    """Return the evaluator that a YAML document describes; `seed` where it says none (else drawn).

    Raises:
        BadEvaluatorError: no YAML, or a part that is wrong; the message names it.
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise _bad("the file", f"it has more than {MAX_BYTES} bytes")
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise _bad("the file", "it has an alias (*)")
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _bad("the file", str(error).replace("\n", " ")[:200]) from error
    if not isinstance(raw, Mapping):
        raise _bad("the file", "it is not names with values")
    for key in raw:
        if key not in _KNOWN:
            raise _bad(str(key)[:40], f"it means nothing here (known: {', '.join(_KNOWN)})")
    return _whole(raw, seed)


def _whole(raw: Mapping[str, Any], seed: int | None) -> Evaluator:
    name = raw.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _bad("name", "a lower-case letter, then up to 29 of a-z, 0-9, _ and -")
    where = raw.get("where", "")
    if not isinstance(where, str):
        raise _bad("where", "it is a filter, such as channel = support")
    sample = raw.get("sample", 0.1)
    if isinstance(sample, bool) or not isinstance(sample, int | float) or not 0 < sample <= 1:
        raise _bad("sample", "a share above 0, at most 1")
    _try("where", lambda: parse(where))
    given = raw.get("seed", secrets.randbelow(2**32) if seed is None else seed)
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < 2**63:
        raise _bad("seed", "a whole number from 0")
    calls, nano, currency = _budget(raw.get("budget", {}))
    found = Evaluator(
        name, 0, nfc(where), float(sample), given, _scorers_of(raw.get("scorers", [])),
        _consistency(raw.get("consistency")), calls, nano, currency,
        _time("lag", raw.get("lag", "1h")), _time("wait", raw.get("wait", "10s")),
        _cluster(raw.get("cluster", "session")), _slices(raw.get("by", Evaluator("x").by)),
    )  # fmt: skip
    if not found.scorers and found.consistency is None:
        raise _bad("scorers", "there is none, and no consistency")
    if found.lag_us <= found.wait_us:
        raise _bad("lag", "it must be longer than `wait`")
    return found


def _scorers_of(raw: Any) -> tuple[Any, ...]:
    if not isinstance(raw, list) or len(raw) > MOST_SCORERS:
        raise _bad("scorers", f"a list of at most {MOST_SCORERS}")
    for spec in raw:
        _try("scorers", lambda spec=spec: make(spec))
        name = spec if isinstance(spec, str) else str(next(iter(spec)))
        if name in WANT_LABELS:
            raise _bad("scorers", f"`{name}` compares with a right answer; a live call has none")
    _try("scorers", lambda: check_distinct(raw))
    plain: list[Any] = json.loads(json.dumps(raw, default=str))
    return tuple(plain)


def _consistency(raw: Any) -> Consistency | None:
    if raw is None:
        return None
    if not isinstance(raw, Mapping) or not set(raw) <= {"times", "how"}:
        raise _bad("consistency", "it has `times` and `how`")
    times, how = raw.get("times", 2), raw.get("how", "exact")
    if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= MOST_TIMES:
        raise _bad("consistency.times", f"1 to {MOST_TIMES}")
    if how not in AGREEMENTS:
        raise _bad("consistency.how", f"one of {', '.join(AGREEMENTS)}")
    return Consistency(times, how)


def _budget(raw: Any) -> tuple[int, int | None, str]:
    if not isinstance(raw, Mapping) or not set(raw) <= {"calls", "money"}:
        raise _bad("budget", "it has `calls` and `money`, both of a day")
    calls, money = raw.get("calls", 200), raw.get("money")
    if isinstance(calls, bool) or not isinstance(calls, int) or not 0 <= calls <= 10**7:
        raise _bad("budget.calls", "a whole number from 0 to 10,000,000")
    if money is None:
        return calls, None, ""
    found = _MONEY.fullmatch(str(money).strip())
    if found is None:
        raise _bad("budget.money", "an amount with its currency, such as 2.50 EUR")
    return calls, int(found[1]) * 10**9 + int((found[2] or "").ljust(9, "0") or 0), found[3]


def _slices(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list | tuple) or len(raw) > MOST_SLICES:
        raise _bad("by", f"a list of at most {MOST_SLICES}")
    names = tuple(dict.fromkeys(str(one) for one in raw))
    for name in names:
        _try("by", lambda name=name: in_rollups(name))
    return names


def _cluster(raw: Any) -> str:
    if raw not in CLUSTERS:
        raise _bad("cluster", f"one of {', '.join(CLUSTERS)}")
    return str(raw)


def _time(part: str, raw: Any) -> int:
    return int(_try(part, lambda: duration_us(str(raw))))


def _try(part: str, work: Any) -> Any:
    try:
        return work()
    except VolanoError as error:
        raise _bad(part, error.message) from error


def _bad(part: str, why: str) -> BadEvaluatorError:
    return BadEvaluatorError(part=part, why=why)


_ = _scorers
