"""What the workers counted, as families of metrics for Prometheus."""

from collections.abc import Callable, Iterable, Mapping

from volano.gateway.vitals import BOUNDS_US, STATES, Key, Seen, Series, Vitals, Worker
from volano.wire.prometheus import Labels, Page

_BOUNDS_S = [us / 1e6 for us in BOUNDS_US]
_LABELS = ("door", "channel", "release", "target")
_WITHOUT_DOOR = _LABELS[1:]


def add_calls(page: Page, vitals: Vitals) -> None:
    """Add what was counted of calls that are over."""
    series = vitals.series()
    page.counter(
        "volano_requests_total", "Calls that are over, by how they ended and the class of status.",
        (
            ({**_said(key), "outcome": outcome, "status": status}, count)
            for key, one in series.items()
            for (outcome, status), count in one.outcomes.items()
        ),
    )  # fmt: skip
    page.histogram(
        "volano_request_duration_seconds", "From a call's headers to its end.", _BOUNDS_S,
        _times(series, lambda one: (one.took, one.took_us)),
    )  # fmt: skip
    page.histogram(
        "volano_time_to_first_token_seconds",
        "From a streamed call's headers to the first content of its answer.", _BOUNDS_S,
        _times(series, lambda one: (one.first, one.first_us)),
    )  # fmt: skip
    sizes: dict[str, Callable[[Series], int]] = {
        "request": lambda one: one.bytes_in,
        "response": lambda one: one.bytes_out,
    }
    for what, size in sizes.items():
        page.counter(
            f"volano_{what}_bytes_total", f"Bytes of {what} bodies as the traces keep them.",
            ((_said(key), size(one)) for key, one in series.items()),
        )  # fmt: skip
    totals = vitals.totals()
    page.counter("volano_retries_total", "How often a target was asked once more.",
                 [({}, totals["retries"])])  # fmt: skip
    page.counter("volano_fallbacks_total", "How often another target was asked instead.",
                 [({}, totals["fallbacks"])])  # fmt: skip
    page.counter("volano_shadow_copies_total", "Calls that were copied to a shadow, unseen.",
                 [({}, totals["copied"])])  # fmt: skip
    page.counter("volano_shadow_left_out_total",
                 "Calls that should have been copied: no room, no price, or it would run a tool.",
                 [({}, totals["uncopied"])])  # fmt: skip
    page.counter("volano_spool_failures_total", "Records of calls that could not be kept.",
                 [({}, totals["unkept"])])  # fmt: skip


def add_workers(
    page: Page, workers: list[Worker], applied: Mapping[int, int], generation: int
) -> None:
    """Add how the living workers are, and how they see the targets."""
    page.gauge("volano_workers", "Gateway processes that live.", [({}, len(workers))])
    page.gauge("volano_in_flight", "Calls that wait for an upstream or pass its answer on.",
               _by_name(workers, lambda one: one.in_flight, sum))  # fmt: skip
    page.gauge("volano_streams", "Of these, streamed calls.",
               _by_name(workers, lambda one: one.streams, sum))  # fmt: skip
    page.gauge("volano_worker_start_time_seconds", "When a worker began, in seconds since 1970.",
               _by_name(workers, lambda one: one.began_us / 1e6, max))  # fmt: skip
    page.gauge("volano_snapshot_generation", "The newest published snapshot.", [({}, generation)])
    page.gauge("volano_worker_generation", "The snapshot that a worker serves by.",
               _by_name(workers, lambda one: applied.get(one.pid, 0), min))  # fmt: skip
    targets = by_target(workers)
    page.gauge(
        "volano_target_state", "How many workers see a target in this state.",
        (
            ({"target": target, "model": model, "state": state}, sum(s.state == state for s in seen))
            for (target, model), seen in targets.items()
            for state in STATES
        ),
    )  # fmt: skip
    page.gauge(
        "volano_target_in_flight", "Calls that a target works on.",
        (({"target": target, "model": model}, sum(s.in_flight for s in seen))
         for (target, model), seen in targets.items()),
    )  # fmt: skip
    page.gauge(
        "volano_target_latency_seconds",
        "A target's time to the first content, averaged over the last seconds; the slowest view.",
        (({"target": target, "model": model}, max(s.latency_us for s in seen) / 1e6)
         for (target, model), seen in targets.items()),
    )  # fmt: skip
    page.gauge(
        "volano_target_keys_resting",
        "Of a target's several keys, how many were refused or are at their limit; the worst view.",
        (({"target": target, "model": model}, max(s.keys_resting for s in seen))
         for (target, model), seen in targets.items()),
    )  # fmt: skip


def by_target(workers: Iterable[Worker]) -> dict[tuple[str, str], list[Seen]]:
    """Return how the workers see each target, by its name and model."""
    found: dict[tuple[str, str], list[Seen]] = {}
    for worker in workers:
        for seen in worker.targets:
            found.setdefault((seen.target, seen.model), []).append(seen)
    return dict(sorted(found.items()))


def _times(
    series: dict[Key, Series], times: Callable[[Series], tuple[list[int], int]]
) -> Iterable[tuple[Labels, list[int], float]]:
    """Sum over the doors: a distribution has many lines."""
    sums: dict[tuple[str, ...], tuple[list[int], int]] = {}
    for key, one in series.items():
        counts, total_us = times(one)
        before, before_us = sums.get(key[1:], ([0] * len(counts), 0))
        added = [a + b for a, b in zip(before, counts, strict=True)]
        sums[key[1:]] = added, before_us + total_us
    for key_, (counts, total_us) in sums.items():
        if any(counts):
            yield dict(zip(_WITHOUT_DOOR, key_, strict=True)), counts, total_us / 1e6


def _said(key: Key) -> Labels:
    return dict(zip(_LABELS, key, strict=True))


def _by_name(
    workers: list[Worker],
    value: Callable[[Worker], float],
    over: Callable[[Iterable[float]], float],
) -> Iterable[tuple[Labels, float]]:
    """One sample a name: while one worker takes over from another there are two of it."""
    for name in dict.fromkeys(worker.name for worker in workers):
        yield {"worker": name}, over(value(one) for one in workers if one.name == name)
