"""The Design of an experiment: fixed before it begins, as a plan is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from volano.releases.experiment.errors import BadDesignError
from volano.releases.experiment.measure import Measure
from volano.releases.guard import Guard
from volano.releases.stage import WHOLE

UNITS = ("user", "session", "request")
THEN = ("hold", "promote")
MOST_ARMS = 8
KIND = "experiment"
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?) ?%?")
_RULE = re.compile(r"(?:tag:[^=\s]+(?:=.*)?|user:.+|group:.+|key:.+)")


@dataclass(frozen=True, slots=True)
class Design:
    """What is compared, by what, and when it is over. The first arm is what the channel serves.

    - `shares`: of the arms, in millionths, all of them together the whole.
    - `goal`: what decides; `guardrails` take an arm out when they show harm.
    - `detect`: the smallest difference in the goal that matters, on the scale of 0 to 1: an
      experiment may also end with "no difference larger than that".
    - `mature_s`: the window of a unit: what comes within it, from its first call on, counts.
      A unit enters the statistics when its window is over.
    - `exclude`: `tag:NAME`, `tag:NAME=VALUE`, `user:ID`, `group:PATH`, `key:ID`: such calls get
      what the channel served before and do not count.
    - `alpha`: the chance that any difference is ever claimed where there is none, over all
      looks and all arms together; `alpha_harm` that of taking a harmless arm out; `alpha_split`
      that of stopping because of a split that is as asked.
    - `tolerance`: an arm does harm when it fails more than this many times as often.
    - `then`: a proven winner is promoted by `plan`, or waits for a person.
    """

    shares: tuple[int, ...]
    goal: Measure
    guardrails: tuple[Measure, ...] = ()
    unit: str = "user"
    detect: float = 0.02
    mature_s: float = 86_400.0
    max_wait_s: float = 14 * 86_400.0
    exclude: tuple[str, ...] = ()
    alpha: float = 0.05
    alpha_harm: float = 0.05
    alpha_split: float = 0.001
    tolerance: float = 1.2
    then: str = "hold"
    plan: str = "25%,100%"
    guard: Guard = field(default_factory=Guard)

    def __post_init__(self) -> None:
        _need(2 <= len(self.shares) <= MOST_ARMS, f"it has 2 to {MOST_ARMS} arms")
        _need(min(self.shares) > 0, "an arm without a share shows nothing")
        _need(
            sum(self.shares) == WHOLE, f"its shares are {_percents(self.shares)}, not 100 % in all"
        )
        _need(self.unit in UNITS, f"a unit is one of {', '.join(UNITS)}")
        _need(self.then in THEN, f"then is one of {', '.join(THEN)}")
        _need(0 < self.detect < 1, "the difference to detect lies between 0 and the whole scale")
        _need(self.mature_s >= 0, "the window of a unit is no negative time")
        _need(self.max_wait_s > self.mature_s, "it must last longer than the window of a unit")
        for alpha in (self.alpha, self.alpha_harm, self.alpha_split):
            _need(0 < alpha < 0.5, "an alpha lies between 0 and 0.5")
        _need(1 <= self.tolerance < 100, "the tolerance is 1 or more")
        for rule in self.exclude:
            _need(bool(_RULE.fullmatch(rule)), f"`{rule[:60]}` excludes nothing: say tag:NAME, user:ID, "
                  "group:PATH or key:ID")  # fmt: skip
        names = [one.name for one in self.measures]
        _need(len(set(names)) == len(names), "a measure stands there twice")

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The goal, then the guardrails."""
        return (self.goal, *self.guardrails)

    @property
    def window_us(self) -> int:
        """The window of a unit."""
        return round(self.mature_s * 1e6)

    @property
    def steps(self) -> tuple[int, ...]:
        """The one step that it has, as plans have them: the share of all but the first arm."""
        return (WHOLE - self.shares[0],)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        plain = asdict(self)
        lists = {name: list(plain[name]) for name in ("shares", "exclude", "guardrails")}
        return {"kind": KIND, **plain, **lists}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Design":
        """Return the design that `to_dict` gave."""
        given = {name: value for name, value in content.items() if name != "kind"}
        given["goal"] = Measure(**given["goal"])
        given["guardrails"] = tuple(Measure(**one) for one in given["guardrails"])
        given["guard"] = Guard(**given["guard"])
        given |= {name: tuple(given[name]) for name in ("shares", "exclude")}
        return cls(**given)


def split(texts: Sequence[str], arms: int) -> tuple[int, ...]:
    """Return the shares in millionths that `50,50` or `80%,10%,10%` mean; even where none is said.

    Raises:
        BadDesignError: as many as arms are wanted, and percentages.
    """
    if not texts:
        even = WHOLE // max(arms, 1)
        return (WHOLE - even * (arms - 1), *[even] * (arms - 1))
    _need(len(texts) == arms, f"{arms} arms want {arms} shares, not {len(texts)}")
    found = [_SHARE.fullmatch(text.strip()) for text in texts]
    _need(all(found), f"`{','.join(texts)[:80]}` are no percentages")
    return tuple(int(Decimal(one[1]) * 10_000) for one in found if one)


def _percents(shares: Sequence[int]) -> str:
    return ", ".join(f"{share / 10_000:g} %" for share in shares)


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise BadDesignError(why=why)
