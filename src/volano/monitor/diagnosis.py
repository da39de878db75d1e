"""Why is it slow? A window is held against the one before it, and each possible cause is asked for its signs.

- long prompts: calls have more tokens, and a token takes no longer than before;
- the provider: at one target the first token comes later, and prompts are not longer;
- queueing: more calls are under way at an engine than it has slots;
- starved: work on this host waits for CPU or memory (PSI), or there is none left.

Where no sign is seen it says "not clear". Nothing is called a cause that was there before too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from volano.core.clock import Clock
from volano.monitor.amount import BadAmountError, shown, window
from volano.monitor.errors import BadWindowError
from volano.monitor.host import Look
from volano.monitor.series import Series
from volano.traces.sums import Sums

SLOWER = 1.3
"""So many times the latency of the window before is slow; so many times the tokens are more."""
_LEAST = 20
_SAME = 1.15
_PROVIDER = 1.5
_FULL, _WAITS, _MEMORY_WAITS = 0.95, 0.25, 0.10
_ENGINE = "engine"
_TENS_US, _MINUTE_US = 10_000_000, 60_000_000
Looks = Callable[[int, int], Sequence[Look]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two windows of the same length. `peak`: the most calls under way at an engine, 10 s in the mean.

    `targets` are the sums of each target now and before; an engine has `slots`.
    """

    now: Sums
    before: Sums
    targets: dict[str, tuple[Sums, Sums]] = field(default_factory=dict)
    engines: Sequence[str] = ()
    peak: float = 0.0
    peak_before: float = 0.0
    slots: int = 0
    host: Sequence[Look] = ()
    host_before: Sequence[Look] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`cause` in a word; `told` says it; `signs` are all that was seen, the cause's first."""

    cause: str
    told: str
    signs: Sequence[str] = ()


class Diagnoses:
    """Asks the rollups and the host. `slots` is how many calls an engine takes at once."""

    def __init__(self, series: Series, clock: Clock, looks: Looks, *, slots: int):
        self._series, self._clock, self._looks, self._slots = series, clock, looks, slots

    def show(self, *, since: str = "15m", channel: str = "") -> Diagnosis:
        """Say why the last while was slow, if it was.

        Raises:
            BadWindowError: `since` is no time such as 15m.
        """
        try:
            span_us = window(since, least_s=60, most_s=86_400)
        except BadAmountError as error:
            raise BadWindowError(window=since[:40], why=error.message) from error
        now = self._clock.now_us()
        since_us = (now - span_us) // _MINUTE_US * _MINUTE_US  # so that no minute is in both
        return diagnose(self._evidence(since_us, now, {"channel": channel} if channel else {}))

    def _evidence(self, since_us: int, until_us: int, where: dict[str, str]) -> Evidence:
        before_us = since_us - -(-(until_us - since_us) // _MINUTE_US) * _MINUTE_US
        now, before = self._sums(since_us, until_us, where), self._sums(before_us, since_us, where)
        targets = self._by(since_us, until_us, where), self._by(before_us, since_us, where)
        empty = Sums(0)
        engines = self._series.sums(
            by=["target"],
            where={**where, "provider": _ENGINE},
            since_us=before_us,
            until_us=until_us,
        )
        return Evidence(
            now, before,
            {name: (one, targets[1].get(name, empty)) for name, one in targets[0].items()},
            [one.by[0] for one in engines], self._peak(since_us, until_us),
            self._peak(before_us, since_us), self._slots, self._looks(since_us, until_us),
            self._looks(before_us, since_us),
        )  # fmt: skip

    def _sums(self, since_us: int, until_us: int, where: dict[str, Any]) -> Sums:
        found = self._series.sums(
            where={**where, "outcome": "ok"}, since_us=since_us, until_us=until_us, sketches=True
        )
        return found[0] if found else Sums(since_us)

    def _by(self, since_us: int, until_us: int, where: dict[str, Any]) -> dict[str, Sums]:
        found = self._series.sums(
            by=["target"], where={**where, "outcome": "ok"}, since_us=since_us, until_us=until_us,
            sketches=True,
        )  # fmt: skip
        return {one.by[0]: one for one in found}

    def _peak(self, since_us: int, until_us: int) -> float:
        """Return the most calls under way at one engine, whatever the channel: they share its slots.

        By Little's law, of ten seconds; of a minute where the tens are kept no more. A call
        counts in the stretch in which it ended, so that it takes at least as long a mean.
        """
        least = max(_TENS_US, _MINUTE_US if until_us - since_us > 1_800_000_000 else 0)
        found = self._series.sums(
            by=["target"], where={"provider": _ENGINE}, since_us=since_us, until_us=until_us,
            each_us=least,
        )  # fmt: skip
        return max((one.busy_us / least for one in found), default=0.0)


def diagnose(seen: Evidence) -> Diagnosis:
    """Name the cause with its signs. Pure: the table of its tests is the definition."""
    if min(seen.now.latency.count, seen.before.latency.count) < _LEAST:
        counts = f"{seen.now.latency.count} answered now, {seen.before.latency.count} before"
        return Diagnosis(
            "too few calls",
            f"It cannot be said: {_LEAST} calls in each window are needed; {counts}.",
        )
    slow = (
        _times(_q(seen.now, 0.5), _q(seen.before, 0.5)),
        _times(_q(seen.now, 0.95), _q(seen.before, 0.95)),
    )
    took = (
        f"half of the calls took {shown(_q(seen.now, 0.5), 'us')} (before: {shown(_q(seen.before, 0.5), 'us')}), "
        f"95 % at most {shown(_q(seen.now, 0.95), 'us')} ({shown(_q(seen.before, 0.95), 'us')})"
    )
    if max(slow) < SLOWER:
        return Diagnosis("not slow", f"It is not slower than before: {took}.")
    signs = [(cause, told) for cause, ask in _CAUSES if (told := ask(seen))]
    if not signs:
        return Diagnosis(
            "not clear",
            f"It is slower, and why is not clear: {took}; prompts, providers, engines and this host are as "
            "they were, as far as can be seen.",
        )
    cause, told = signs[0]
    return Diagnosis(cause, f"{_NAMED[cause]}: {told}.", [*(sign for _, sign in signs), took])


def _prompts(seen: Evidence) -> str:
    now, before = _tokens(seen.now), _tokens(seen.before)
    each, each_before = _pace(seen.now), _pace(seen.before)
    more = _times(now, before)
    if more < SLOWER or _times(each, each_before) > _SAME:
        return ""
    return f"a call has {now:.0f} tokens, {before:.0f} before; a token takes no longer"


def _cpu(seen: Evidence) -> str:
    if not seen.engines:
        return ""
    for name, limit, what in (
        ("cpu_waits", _WAITS, "of the time work waits for CPU"), ("cpu", _FULL, "of the CPU is busy"),
        ("gpu", _FULL, "of the GPU is busy"),
    ):  # fmt: skip
        if told := _host(seen, name, limit, what):
            return told
    return ""


def _memory(seen: Evidence) -> str:
    if not seen.engines:
        return ""
    for name, limit, what in (
        ("memory_waits", _MEMORY_WAITS, "of the time work waits for memory"),
        ("memory", _FULL, "of the memory is taken"), ("gpu_memory", 0.98, "of the GPU's memory is taken"),
    ):  # fmt: skip
        if told := _host(seen, name, limit, what):
            return told
    return ""


def _host(seen: Evidence, name: str, limit: float, what: str) -> str:
    """Tell it where it is above its limit, and was clearly less before."""
    now = [v for one in seen.host if (v := getattr(one, name)) is not None]
    before = [v for one in seen.host_before if (v := getattr(one, name)) is not None]
    if not now or fmean(now) < limit:
        return ""
    if before and fmean(before) > fmean(now) / SLOWER:
        return ""
    was = f", {fmean(before):.0%} before" if before else ""
    return f"{fmean(now):.0%} {what}{was}"


def _queue(seen: Evidence) -> str:
    if not seen.slots or seen.peak < seen.slots or seen.peak < seen.peak_before * _SAME:
        return ""
    return f"up to {seen.peak:.0f} calls are under way at an engine of {seen.slots} slots, {seen.peak_before:.0f} before"


def _provider(seen: Evidence) -> str:
    if (
        _times(
            seen.now.prompt_tokens / seen.now.count, seen.before.prompt_tokens / seen.before.count
        )
        > SLOWER
    ):
        return ""
    worst: tuple[float, str] = (0.0, "")
    for name, (now, before) in seen.targets.items():
        if name in seen.engines:
            continue
        for what, a, b in (
            ("begins to answer", now.ttft, before.ttft),
            ("answers", now.latency, before.latency),
        ):
            if min(a.count, b.count) < _LEAST:
                continue
            times = _times(a.quantile(0.5), b.quantile(0.5))
            if times >= _PROVIDER and times > worst[0]:
                after = shown(a.quantile(0.5), "us"), shown(b.quantile(0.5), "us")
                worst = (times, f"{name} {what} after {after[0]}, {after[1]} before")
            break
    return worst[1]


_CAUSES: Sequence[tuple[str, Callable[[Evidence], str]]] = (
    ("prompts", _prompts), ("memory", _memory), ("cpu", _cpu), ("queue", _queue), ("provider", _provider),
)  # fmt: skip
"""In this order: a starved engine makes a queue, longer prompts make both."""
_NAMED = {
    "prompts": "Calls are longer",
    "memory": "Engines wait for memory",
    "cpu": "Engines wait for CPU or GPU",
    "queue": "Calls wait for a slot of an engine",
    "provider": "A provider is slow",
}


def _q(sums: Sums, q: float) -> float | None:
    return sums.latency.quantile(q)


def _times(now: float | None, before: float | None) -> float:
    return now / before if now and before else 0.0


def _tokens(sums: Sums) -> float:
    return (sums.prompt_tokens + sums.completion_tokens) / sums.count if sums.count else 0.0


def _pace(sums: Sums) -> float:
    """Return how long a token takes."""
    return sums.busy_us / max(sums.prompt_tokens + sums.completion_tokens, 1)
