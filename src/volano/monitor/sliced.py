"""Slices that no rollup has: calls by language, and by a tag that the application gave them.

The rows themselves are summed, the newest `MOST_ROWS` of the window at most.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from volano.core.ports.language import DetectLanguage
from volano.monitor.errors import UnknownDimensionError
from volano.monitor.kpi import guess
from volano.monitor.series import ASKED_BY, dimension
from volano.traces.sums import Sums
from volano.traces.trace import FAILED, Trace

MOST_ROWS = 20_000
LANGUAGE, TAG, REGION = "language", "tag.", "region"
TOLD_BY = (
    *("channel", "release", "model", "key", "group", "target", "provider", "environment"),
    *(LANGUAGE, REGION),
)
"""By what feedback and outcomes can be asked; besides by `tag.NAME`."""
KNOWN = (*ASKED_BY, LANGUAGE, REGION)

Label = Callable[[Trace], str]


def in_rollups(name: str) -> bool:
    """Say whether the rollups have it.

    Raises:
        UnknownDimensionError: nothing has it.
    """
    if name in (LANGUAGE, REGION) or (name.startswith(TAG) and len(name) > len(TAG)):
        return False
    if name not in ASKED_BY:
        known = ", ".join([*KNOWN, "tag.NAME"])
        raise UnknownDimensionError(name=name[:60], guess=guess(name, KNOWN), known=known)
    return True


def of_voices(name: str) -> bool:
    """Say whether feedback has it: that is of answers, not of how a call ended."""
    return name in TOLD_BY or name.startswith(TAG)


def label(name: str, detect: DetectLanguage) -> Label:
    """Return what tells a call's value. The region is the tag `region`, which the gateway gives to calls that have none."""
    if name == LANGUAGE:
        return lambda call: call.tags.get(LANGUAGE) or detect(call.input_text or "")
    if name == REGION or name.startswith(TAG):
        tag = name.removeprefix(TAG)
        return lambda call: call.tags.get(tag, "")
    column = dimension(name)
    return lambda call: "call" if column == "source" else str(getattr(call, column, ""))


def fits(call: Trace, where: Mapping[str, Any], labels: Mapping[str, Label]) -> bool:
    """Say whether a call is one of those asked for."""
    return all(
        labels[name](call) in ([wanted] if isinstance(wanted, str) else [*wanted])
        for name, wanted in where.items()
    )


def summed(
    calls: Sequence[Trace], by: Sequence[Label], *, since_us: int, each_us: int | None = None
) -> list[Sums]:
    """Sum calls by these labels and by stretches, as the rollups do."""
    found: dict[tuple[int, tuple[str, ...]], list[Trace]] = {}
    for call in calls:
        at = call.ended_us // each_us * each_us if each_us else since_us
        found.setdefault((at, tuple(label(call) for label in by)), []).append(call)
    return [_sum(at, values, some) for (at, values), some in sorted(found.items())]


def _sum(at_us: int, by: tuple[str, ...], calls: Sequence[Trace]) -> Sums:
    answered = [call for call in calls if call.outcome == "ok"]
    nano: dict[str, int] = {}
    for call in calls:
        if call.cost_nano is not None and call.cost_currency is not None:
            nano[call.cost_currency] = nano.get(call.cost_currency, 0) + call.cost_nano
    found = Sums(
        at_us, by, len(calls), sum(call.outcome in FAILED for call in calls),
        sum(call.outcome == "refused" for call in calls), len(answered),
        sum(call.prompt_tokens or 0 for call in calls),
        sum(call.completion_tokens or 0 for call in answered),
        sum(call.latency_us for call in calls), sum(call.latency_us for call in answered), nano=nano,
    )  # fmt: skip
    for call in answered:
        found.latency.add(call.latency_us)
        if call.streamed and call.ttft_us is not None:
            found.ttft.add(call.ttft_us)
    return found
