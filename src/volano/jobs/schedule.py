"""A Schedule says when Runs of a kind are started by themselves, and what to do when it goes wrong.

It has times (cron) or a trigger. Each time it is due makes a Firing, which
becomes a Run as soon as there is room for one.

    waiting -> started -> done | failed | cancelled;   waiting -> skipped
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from volano.core.principal import Principal
from volano.jobs.cron import Cron
from volano.jobs.schedule_errors import BadScheduleError

CatchUp = Literal["none", "last", "all"]
Busy = Literal["skip", "queue", "cancel-older"]
CATCH_UPS: tuple[str, ...] = get_args(CatchUp)
BUSY: tuple[str, ...] = get_args(Busy)
TRIGGERS = ("files", "feedback", "drift", "dataset")

ON_TIME_US = 60_000_000
"""A time that is missed by less than this is not missed."""
CATCH_UP_MOST = 100
"""So many missed times are made up at most, the newest."""
MOST_ACTIVE = 64
MOST_RETRIES = 20
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Trigger:
    """Due when `count` are new of what it watches, and nothing has moved for `settle_s`."""

    kind: str
    what: str
    count: int = 1
    settle_s: float = 0.0

    @classmethod
    def parse(cls, text: str, *, count: int = 1, settle_s: float | None = None) -> "Trigger":
        """Read `files:/in/*.jsonl`, `feedback:support`, `drift:week`, `dataset:tickets`.

        Raises:
            BadScheduleError: it is none of these.
        """
        kind, _, what = text.partition(":")
        if kind not in TRIGGERS or not what:
            shown = ", ".join(f"{k}:…" for k in TRIGGERS)
            raise BadScheduleError(what=f"the trigger `{text[:80]}`", why=f"it is one of {shown}")
        if count < 1:
            raise BadScheduleError(what=f"a count of {count}", why="it must be at least 1")
        settle = settle_s if settle_s is not None else (10.0 if kind == "files" else 0.0)
        if not 0 <= settle <= DAY_S:
            raise BadScheduleError(what=f"a pause of {settle:g} s", why="0 to 86400 are possible")
        return cls(kind, what, count, settle)

    def __str__(self) -> str:
        return f"{self.kind}:{self.what}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a schedule does when times were missed, when its Runs are still busy, when one fails."""

    catch_up: CatchUp = "last"
    max_active: int = 1
    busy: Busy = "skip"
    retries: int = 0
    retry_wait_s: float = 60.0

    def __post_init__(self) -> None:
        rules = (
            (self.catch_up in CATCH_UPS, "catch-up", f"it is one of {', '.join(CATCH_UPS)}"),
            (self.busy in BUSY, "busy", f"it is one of {', '.join(BUSY)}"),
            (1 <= self.max_active <= MOST_ACTIVE, "max-active", f"1 to {MOST_ACTIVE} are possible"),
            (0 <= self.retries <= MOST_RETRIES, "retries", f"0 to {MOST_RETRIES} are possible"),
            (0 <= self.retry_wait_s <= DAY_S, "retry-wait-s", "0 to 86400 are possible"),
        )
        for holds, what, why in rules:
            if not holds:
                raise BadScheduleError(what=f"this `{what}`", why=why)

    def retry_at_us(self, ended_us: int, attempt: int) -> int | None:
        """Return when a failed attempt is followed by the next; None when it is not.

        The pause doubles from attempt to attempt, up to a day.
        """
        if attempt > self.retries:
            return None
        wait_s = min(self.retry_wait_s * 2 ** (attempt - 1), DAY_S)
        return ended_us + int(wait_s * 1_000_000)


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule. `next_us` is when it is due next; a trigger has none.

    `mark` is up to where its trigger has fired, `pending` what it saw last and since when.
    """

    name: str
    kind: str
    inputs: Mapping[str, Any]
    cron: str | None
    zone: str
    trigger: Trigger | None
    policy: Policy
    by: str
    group: str
    created_us: int
    paused: bool = False
    next_us: int | None = None
    missed: int = 0
    mark: Any = None
    pending: Any = None
    problem: str = ""

    @property
    def times(self) -> Cron | None:
        """Its times, when it has some."""
        return None if self.cron is None else Cron(self.cron, self.zone)

    @property
    def principal(self) -> Principal:
        """Who its Runs act as."""
        return Principal("service", f"schedule/{self.name}", group=self.group)

    def inputs_at(self, planned_us: int) -> dict[str, Any]:
        """Return the inputs of the Run for a moment: `${date}` and the like are filled in."""
        local = datetime.fromtimestamp(planned_us / 1e6, UTC).astimezone(ZoneInfo(self.zone))
        words = {
            "date": local.date().isoformat(),
            "time": local.isoformat(timespec="seconds"),
            "planned_us": str(planned_us),
        }
        return {name: _filled(value, words) for name, value in self.inputs.items()}

    def due(self, now_us: int) -> tuple[list[int], int]:
        """Return the times to fire for now, and how many are let go (at least)."""
        assert self.times is not None
        assert self.next_us is not None
        found = _latest(self.times, self.next_us, now_us)
        wanted = found[-CATCH_UP_MOST:] if self.policy.catch_up == "all" else found[-1:]
        if self.policy.catch_up == "none":
            wanted = [at for at in wanted if now_us - at <= ON_TIME_US]
        return wanted, len(found) - len(wanted)

    def _next(self) -> str:
        """Say when it is due next, on the wall of its zone."""
        if self.paused:
            return "paused"
        if self.next_us is None:
            return f"when {self.trigger} has {self.trigger.count if self.trigger else 0} new"
        at = datetime.fromtimestamp(self.next_us / 1e6, UTC).astimezone(ZoneInfo(self.zone))
        return f"{at:%Y-%m-%d %H:%M %Z}"

    def to_dict(self) -> dict[str, Any]:
        """Return what doors show."""
        shown = {f: getattr(self, f) for f in ("name", "kind", "cron", "zone", "paused", "next_us")}
        trigger = (
            None if self.trigger is None else {**asdict(self.trigger), "on": str(self.trigger)}
        )
        return {
            **shown, "next": self._next(), "on": str(self.trigger or self.cron), "trigger": trigger,
            **asdict(self.policy), "inputs": dict(self.inputs), "missed": self.missed,
            "by": self.by, "group": self.group, "created_us": self.created_us,
            "problem": self.problem,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Firing:
    """One time that a schedule was due, and the Run that came of it. `patient`: it is never skipped."""

    id: str
    schedule: str
    planned_us: int
    fired_us: int
    cause: Mapping[str, Any]
    state: str
    run: str | None = None
    patient: bool = False

    def started(self, run_id: str) -> "Firing":
        """Return it with its Run."""
        return replace(self, state="started", run=run_id)


def _latest(times: Cron, from_us: int, now_us: int) -> list[int]:
    """Return the times since then; of very many, more than are ever made up, the newest."""
    span = 3600 * 1_000_000
    while True:
        start = max(from_us, now_us - span)
        found = list(times.between(start, now_us + 1))
        if start == from_us or len(found) > CATCH_UP_MOST:
            return found
        span *= 4


_WORD = re.compile(r"\$\{(date|time|planned_us)\}")


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _WORD.sub(lambda match: words[match[1]], value)
    if isinstance(value, Mapping):
        return {name: _filled(item, words) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, words) for item in value]
    return value
