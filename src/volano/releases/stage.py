"""A Stage: one step of a rollout's plan, and what it takes to leave it.

canary    a share of the users gets the candidate, the others what was served before
shadow    a share of the calls is copied to the candidate; nobody sees its answers
switch    all users at once, once it is warm and verified; what was served stays hot
rolling   our own engines are replaced one by one, and the share follows them
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from volano.core.ref import BadRefError, Ref
from volano.releases.errors import InvalidPlanError

WHOLE = 1_000_000
"""All traffic, in millionths: the unit of every share."""

Kind = Literal["canary", "shadow", "switch", "rolling"]
KINDS: tuple[Kind, ...] = ("canary", "shadow", "switch", "rolling")
MOST_VERIFIED = 1000
Late = Literal["hold", "back", "advance"]
LATE: tuple[Late, ...] = ("hold", "back", "advance")


@dataclass(frozen=True, slots=True)
class Stage:
    """One step. Shares are millionths, times seconds.

    - `share`: the candidate's share of the users; 0 while it is only shadowed.
    - `mirror`: of a shadow, the share of calls that are copied to it.
    - `cohort`: a baseline cohort as large as the candidate's share is counted apart
      (the same release as ever): means and quantiles are compared with it.
    - `units`: so many units of the candidate at least; the plan's `min_units` when 0.
    - `pairs`: of a shadow, so many pairs at least; judged ones where a judge is named.
    - `judge`: of a shadow, who scores both answers: a judge (`helpful`, `helpful@2`), or a name
      of feedback that a program gives to both traces. Without one, any score that both have.
    - `at_least_s`, `at_most_s`: how long it takes at least, and at most (the plan's
      `max_wait_s` when 0). `late` says what then: hold (a person decides), back, or
      advance where no harm is proven.
    - `keep_s`: after the last step, how long what was served stays warm for a return at once.
    - `verify`: of the first step, so many recorded requests of the channel are asked of the
      candidate before anybody sees it; one that it cannot answer ends the rollout.
    - `budget_nano`, `currency`: of a shadow, what its copies may cost; 0 is no limit.
    """

    share: int
    kind: Kind = "canary"
    mirror: int = 0
    cohort: bool = False
    units: int = 0
    pairs: int = 0
    at_least_s: float = 0.0
    at_most_s: float = 0.0
    late: Late = "hold"
    keep_s: float = 0.0
    verify: int = 0
    budget_nano: int = 0
    currency: str = ""
    judge: str = ""

    def __post_init__(self) -> None:
        _need(self.kind in KINDS, f"a step is one of {', '.join(KINDS)}")
        _need(self.late in LATE, f"after `at_most` comes one of {', '.join(LATE)}")
        for name in ("share", "mirror", "units", "pairs", "verify", "budget_nano"):
            _need(whole(getattr(self, name)) and getattr(self, name) >= 0,
                  f"{name} of a step is a whole number of 0 or more")  # fmt: skip
        for name in ("at_least_s", "at_most_s", "keep_s"):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            _need(number and 0 <= value < 1e9, f"{name} of a step is a time")
        _need(isinstance(self.cohort, bool), "cohort is true or false")
        _need(isinstance(self.currency, str), "the budget's currency is a word")
        _need(isinstance(self.judge, str) and (not self.judge or _is_version(self.judge)),
              "the judge of a step is a name, such as helpful or helpful@2")  # fmt: skip
        self._check_kind()

    def _check_kind(self) -> None:
        shadow = self.kind == "shadow"
        _need(self.share <= WHOLE, f"{percent(self.share)} is more than everything")
        _need(self.mirror <= WHOLE, f"a shadow of {percent(self.mirror)} is more than everything")
        _need(not shadow or self.mirror > 0, "a shadow of 0 % copies nothing")
        _need(not shadow or self.share == 0, "a shadow has no share of the users")
        _need(shadow or self.mirror == 0, "only a shadow mirrors")
        _need(shadow or self.share > 0, "a step of 0 % sends nothing to the candidate")
        _need(shadow or not self.pairs, "only a shadow has pairs")
        _need(shadow or not self.judge, "only a shadow has a judge")
        _need(shadow or not self.budget_nano, "only a shadow has a budget of its own")
        _need(self.kind not in ("switch", "rolling") or self.share == WHOLE,
              f"{self.kind} goes to 100 %")  # fmt: skip
        _need(not self.cohort or (self.kind == "canary" and 2 * self.share <= WHOLE),
              "a cohort as large as the candidate's share needs a canary of at most 50 %")  # fmt: skip
        _need(not self.at_most_s or self.at_least_s <= self.at_most_s,
              "a step cannot take at least longer than at most")  # fmt: skip
        _need(not self.keep_s or self.share == WHOLE, "`keep` belongs to the last step")
        _need(not self.keep_s or self.kind != "rolling",
              "rolling ends engines one by one and keeps none hot: that is what `switch` is for")  # fmt: skip
        _need(self.verify <= MOST_VERIFIED, f"it verifies at most {MOST_VERIFIED} requests")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: what differs from a bare step, and its share."""
        bare = Stage.__dataclass_fields__
        return {
            name: value
            for name, value in asdict(self).items()
            if name == "share" or value != bare[name].default
        }

    def __str__(self) -> str:
        if self.kind == "shadow":
            return f"shadow {percent(self.mirror)}"
        return percent(self.share) if self.kind == "canary" else self.kind


def percent(share: float) -> str:
    """Return millionths as readable percent: 50000 -> `5 %`."""
    return f"{share / 10_000:g} %"


def whole(value: Any) -> bool:
    """Say whether it is a whole number, and not yes or no."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_version(text: str) -> bool:
    """Whether this names something, in any script, or one version of it by its number."""
    try:
        found = Ref.parse(text)
    except BadRefError:
        return False
    return found.label is None and found.digest is None


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise InvalidPlanError(why=why)
