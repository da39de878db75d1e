"""Own traces, and what people and programs said of them.

    {traces: {channel: support, since: -30d, where: "latency > 2s", feedback: {name: correct, least: 1}}}
    {traces: {channel: support, feedback: corrections}}

Each row has the question as `text`, the answer as `answer`, and as `label` the
newest correction, else the answer; feedback by name; and the call's own facts.
With a state, only calls that were recorded since. Feedback that comes later on
an older call is found by reading without one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from volano.access.moment import moment_us
from volano.data.sources import reasons
from volano.data.sources.limits import Limits
from volano.data.sources.pieces import Columns, columns_of, finished
from volano.data.sources.source import SOURCES, Around, Reject, Source, set_aside
from volano.data.sources.spec import bad, check_keys, text
from volano.data.step import Record
from volano.feedback.keeper import Feedbacks
from volano.feedback.record import Feedback
from volano.traces.keeper import Traces
from volano.traces.trace import Trace

_PAGE = 500
_END = 1 << 62
_CHOSEN = ("channel", "release", "outcome", "group", "target", "model", "where", "text")
_TIMES = ("since", "until")


@dataclass(frozen=True, slots=True)
class Said:
    """Which feedback a call must have."""

    corrected: bool = False
    name: str | None = None
    least: float | None = None
    most: float | None = None

    def wanted(self, given: Sequence[Feedback]) -> bool:
        """Whether one of them is such feedback."""
        if self.corrected:
            return any(one.correction for one in given)
        return any(self._fits(one) for one in given)

    def _fits(self, one: Feedback) -> bool:
        value = one.number if one.number is not None else one.value
        if self.name not in (None, one.name):
            return False
        if self.least is None and self.most is None:
            return True
        if value is None:
            return False
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )


@dataclass(slots=True)
class Recorded:
    """Calls of this workspace, newest first."""

    traces: Traces
    feedbacks: Feedbacks
    chosen: Mapping[str, Any]
    said: Said | None
    columns: Columns
    since: Mapping[str, Any] | None = None
    _newest: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._newest = int((self.since or {}).get("seq", 0))

    def rows(self, reject: Reject) -> Iterator[Record]:
        """Yield a row for each call; one whose texts were not kept is set aside.

        Raises:
            FilterError: `where` cannot be read.
        """
        return finished(self._rows(reject), self.columns, Limits().depth, reject)

    def fingerprint(self) -> str:
        """Return what was recorded last: a call, a feedback."""
        newest = self.traces.list(limit=1)
        said = self.feedbacks.list(limit=1, history=True)
        return f"{newest[0].seq if newest else 0} {said[0].seq if said else 0}"

    def state(self) -> Mapping[str, Any]:
        """Return which call was recorded last."""
        return {"seq": self._newest}

    def _rows(self, reject: Reject) -> Iterator[Record]:
        after = int((self.since or {}).get("seq", 0))
        newest = next((trace.seq for trace in self.traces.list(limit=1)), after)
        before: int | None = newest + 1
        while page := self.traces.list(**self.chosen, limit=_PAGE, before_seq=before):
            fresh = [trace for trace in page if trace.seq > after]
            given = self._given(fresh)
            for trace in fresh:
                yield from self._row(trace, given.get(trace.id, []), reject)
            if len(fresh) < len(page) or len(page) < _PAGE:
                break
            before = page[-1].seq
        self._newest = newest

    def _given(self, page: Sequence[Trace]) -> dict[str, list[Feedback]]:
        """Return what holds of these traces, the newest first."""
        found: dict[str, list[Feedback]] = {}
        for one in reversed(self.feedbacks.on([trace.id for trace in page], until_seq=_END)):
            if one.current and not one.retracted:
                found.setdefault(one.trace_id, []).append(one)
        return found

    def _row(self, trace: Trace, given: list[Feedback], reject: Reject) -> Iterator[Record]:
        if trace.shadowed or (self.said is not None and not self.said.wanted(given)):
            return
        correction = next((one for one in given if one.correction), None)
        origin: dict[str, Any] = {"source": "traces", "trace": trace.id, "span": trace.span_id}
        if correction is not None:
            origin["feedback"] = correction.id
        label = correction.correction if correction is not None else trace.output_text
        if not trace.input_text or not label:
            what = "answer" if trace.input_text else "question"
            set_aside(reject, origin, reasons.EMPTY, f"the {what} was not kept")
            return
        yield {
            "text": trace.input_text, "label": label, "answer": trace.output_text,
            "feedback": {one.name: one.given for one in reversed(given)},
            "channel": trace.channel, "release": trace.release, "model": trace.model,
            "outcome": trace.outcome, "began_us": trace.began_us, "origin": origin,
        }  # fmt: skip


@SOURCES.register("traces")
def by_choice(spec: Mapping[str, Any], around: Around) -> Source:
    """Open the calls that a mapping chooses; an empty one chooses all."""
    check_keys(spec, ("traces", "columns"), "a source of traces")
    given = spec["traces"] if spec["traces"] is not None else {}
    if not isinstance(given, Mapping):
        raise bad("`traces` is a mapping, such as {channel: support}")
    check_keys(given, (*_CHOSEN, *_TIMES, "feedback"), "`traces`")
    if around.traces is None or around.feedbacks is None:
        raise bad("traces can be read only within a workspace")
    chosen: dict[str, Any] = {name: text(given[name], name) for name in _CHOSEN if name in given}
    for name in _TIMES:
        if name in given:
            chosen[f"{name}_us"] = _moment(str(given[name]), around.now_us())
    said = _said(given["feedback"]) if "feedback" in given else None
    return Recorded(
        around.traces, around.feedbacks, chosen, said, columns_of(spec.get("columns", {})),
        around.since,
    )  # fmt: skip


def _moment(written: str, now_us: int) -> int | None:
    """Return a moment; `-30d`, or `30d ago`, lies before now."""
    ago = written.removeprefix("-").removesuffix(" ago")
    if ago != written:
        return 2 * now_us - (moment_us(ago, now_us) or now_us)
    return moment_us(written, now_us)


def _said(given: Any) -> Said:
    """Return which feedback is wanted: `any`, `corrections`, or a mapping."""
    if given == "any":
        return Said()
    if given == "corrections":
        return Said(corrected=True)
    if not isinstance(given, Mapping):
        raise bad("`feedback` is `any`, `corrections`, or {name: correct, least: 1}")
    check_keys(given, ("name", "least", "most"), "`feedback`")
    bounds = {name: given[name] for name in ("least", "most") if name in given}
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in bounds.values()):
        raise bad("`least` and `most` are numbers")
    return Said(name=text(given["name"], "name") if "name" in given else None, **bounds)
