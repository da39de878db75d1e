"""Voice: makes feedback of what an evaluator found, by metrics that say what its scores mean."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from volano.core.clock import Clock
from volano.core.principal import Principal
from volano.feedback.keeper import Feedbacks
from volano.feedback.metrics import Metrics
from volano.monitor.evaluators.book import Evaluation
from volano.monitor.evaluators.evaluator import Evaluator


class Voice:
    """Says the scores of drawn calls. The same again changes nothing: ids hang on what is said."""

    def __init__(self, feedbacks: Feedbacks, metrics: Metrics, clock: Clock):
        self._feedbacks, self._metrics, self._clock = feedbacks, metrics, clock
        self._defined: set[tuple[str, int, str]] = set()

    def __call__(self, found: Evaluation) -> None:
        """Make feedback of the scores of one trace; it is on the disk when this returns.

        Raises:
            SpoolFullError, SpoolBrokenError: it could not be kept; it is said again later.
        """
        by = Principal("service", f"evaluator/{found.name}", found.group)
        for score, source in found.sources.items():
            self._define(found, score, source, by)
        if found.scores:
            self._feedbacks.batch(self._items(found), by=by)

    def _items(self, found: Evaluation) -> list[Mapping[str, Any]]:
        ref = f"{found.name}@{found.version}"
        at_us = min(found.at_us, self._clock.now_us())  # clocks jump; feedback is never ahead
        return [
            {
                "subject": f"trace:{found.trace_id}", "name": Evaluator(found.name).metric(score),
                "value": value, "source": found.sources[score]["by"],
                "source_name": f"evaluator {ref}", "probability": found.probability,
                "at": datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(),
                "idempotency_key": f"{ref}/{found.trace_id}/{score}",
            }
            for score, value in found.scores.items()
        ]  # fmt: skip

    def _define(
        self, found: Evaluation, score: str, source: Mapping[str, Any], by: Principal
    ) -> None:
        """Say what a score means; another version of the evaluator makes another of the metric."""
        key = found.name, found.version, score
        if key in self._defined:
            return
        share = source["unit"] == "share"
        self._metrics.define(
            Evaluator(found.name).metric(score), type="number",
            direction="more" if source["bigger"] else "less", unit="" if share else source["unit"],
            low=0.0 if share else None, high=1.0 if share else None,
            description=f"{score} by the evaluator {found.name}@{found.version}", by=by,
        )  # fmt: skip
        self._defined.add(key)
