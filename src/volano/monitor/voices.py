"""Voices: what feedback and outcomes tell of the calls of a window, by any slice of them.

A voice counts at the moment and in the slice of the trace it is about, however late it
was given, so that what calls cost and what they brought is of the same calls.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from volano.core.ports.language import DetectLanguage
from volano.feedback.join import Joined
from volano.feedback.keeper import MOST_COUNTED, Feedbacks
from volano.feedback.metric import Metric
from volano.monitor.sliced import Label, fits, label
from volano.monitor.worth import Told
from volano.traces.keeper import Traces
from volano.traces.sums import Sums

_ON_PLACE = {"channel", "release"}
_TASKS = ("task", "task_done", "task-done", "task.done", "done")
_YES_OR_NO = ("boolean", "category")


@dataclass(frozen=True, slots=True)
class Meaning:
    """Which names count for which KPI. `named` are those that the owner said."""

    metrics: Mapping[str, Metric]
    named: Mapping[str, Sequence[str]]

    def content(self, voice: Joined) -> bool:
        """Whether it says how content somebody was."""
        said = voice.feedback
        if said.value is None:
            return False
        if "satisfaction" in self.named:
            return said.name in self.named["satisfaction"]
        metric = self.metrics.get(said.name)
        judges = metric is None or (metric.type == "boolean" and not metric.outcome)
        return said.source == "person" and said.value in (0, 1) and judges

    @property
    def tasks(self) -> Sequence[str]:
        """The outcomes that say whether a task was done."""
        if "task_completion" in self.named:
            return self.named["task_completion"]
        known = [m.name for m in self.metrics.values() if m.outcome and m.type in _YES_OR_NO]
        found = [name for name in _TASKS if name in known][:1]
        return found or (known if len(known) == 1 else [])

    @property
    def money(self) -> Sequence[str]:
        """The outcomes that say what was brought in."""
        if "revenue" in self.named:
            return self.named["revenue"]
        return [m.name for m in self.metrics.values() if m.outcome and m.type == "money"]

    @property
    def unsaid(self) -> dict[str, str]:
        """Why a KPI cannot be measured at all."""
        found = {}
        if not self.tasks:
            several = [m.name for m in self.metrics.values() if m.outcome and m.type in _YES_OR_NO]
            found["task_completion"] = (
                f"several outcomes could say it ({', '.join(several)}): name one"
                if several
                else "no outcome says whether a task is done"
            )
        if not self.money:
            found["revenue"] = "no outcome is of money"
        return found


@dataclass(slots=True)
class Heard:
    """What was heard in one slice and stretch: of tasks the last thing told of each trace."""

    content: list[bool] = field(default_factory=list)
    done: dict[str, tuple[int, bool]] = field(default_factory=dict)
    nano: dict[str, int] = field(default_factory=dict)
    amounts: int = 0

    def hear(self, voice: Joined, meaning: Meaning) -> None:
        """Take one voice in."""
        said = voice.feedback
        if meaning.content(voice) and said.value is not None:
            self.content.append(said.value > 0.5)
        if said.name in meaning.tasks and said.value is not None:
            about = voice.place.trace_id if voice.place else said.about
            before = self.done.get(about)
            if before is None or before[0] < said.seq:
                self.done[about] = (said.seq, said.value > 0.5)
        if said.name in meaning.money and said.nano is not None:
            metric = meaning.metrics.get(said.name)
            sign = -1 if metric is not None and metric.direction == "less" else 1
            currency = said.currency or ""
            self.nano[currency] = self.nano.get(currency, 0) + sign * said.nano
            self.amounts += 1

    def told(self, sums: Sums, unsaid: Mapping[str, str]) -> Told:
        """Return it with the sums of the same calls."""
        ends = [good for _, good in self.done.values()]
        return Told(
            sums, (sum(self.content), len(self.content)), (sum(ends), len(ends)), self.nano,
            self.amounts, unsaid,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice at its moment, with the values it is asked by."""

    at_us: int
    by: tuple[str, ...]
    joined: Joined


class Voices:
    """Reads feedback as KPIs need it."""

    def __init__(self, feedbacks: Feedbacks, traces: Traces, detect: DetectLanguage):
        self._feedbacks, self._traces, self._detect = feedbacks, traces, detect

    def list(
        self,
        *,
        by: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        since_us: int,
        until_us: int,
    ) -> tuple[Sequence[Voice], int]:
        """Return the voices on traces that began in a window, and how many wait for their trace.

        What is said of a user, of no one trace, counts when it was said, and in no slice. At
        most the newest 20,000 voices count.
        """
        said = self._feedbacks.list(since_us=since_us, limit=MOST_COUNTED)
        joined = self._feedbacks.joined(said)
        found = [v for v in joined if not v.waits and since_us <= _at(v) < until_us]
        waiting = sum(v.waits for v in joined)
        asked = {*by, *(where or {})}
        if asked:
            found = [v for v in found if v.place is not None]
        if asked <= _ON_PLACE:
            kept = [v for v in found if _stands(v, where or {})]
            return [Voice(_at(v), _values(v, by), v) for v in kept], waiting
        return self._labelled(found, by, where or {}), waiting

    def _labelled(
        self, found: Sequence[Joined], by: Sequence[str], where: Mapping[str, Any]
    ) -> Sequence[Voice]:
        calls = self._traces.by_ids({v.place.trace_id for v in found if v.place})
        labels: dict[str, Label] = {name: label(name, self._detect) for name in {*by, *where}}
        return [
            Voice(_at(voice), tuple(labels[name](call) for name in by), voice)
            for voice in found
            if voice.place is not None
            and (call := calls.get(voice.place.trace_id)) is not None
            and fits(call, where, labels)
        ]


def heard(voices: Iterable[Voice], meaning: Meaning, *, since_us: int, each_us: int | None = None) -> dict[
    tuple[int, tuple[str, ...]], Heard
]:  # fmt: skip
    """Sort voices into stretches and slices."""
    found: dict[tuple[int, tuple[str, ...]], Heard] = {}
    for voice in voices:
        at = voice.at_us // each_us * each_us if each_us else since_us
        found.setdefault((at, voice.by), Heard()).hear(voice.joined, meaning)
    return found


def _at(voice: Joined) -> int:
    return voice.place.began_us if voice.place else voice.feedback.at_us


def _stands(voice: Joined, where: Mapping[str, Any]) -> bool:
    return all(
        getattr(voice.place, name) in ([wanted] if isinstance(wanted, str) else [*wanted])
        for name, wanted in where.items()
    )


def _values(voice: Joined, by: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(getattr(voice.place, name)) for name in by)
