"""Curating: what was said and corrected on traces becomes the next version of a dataset."""

from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.data.errors import NothingToLearnError
from volano.data.keeper import Datasets
from volano.feedback.keeper import Feedbacks
from volano.store.artifact import Artifact
from volano.traces.errors import UnknownTraceError
from volano.traces.keeper import Traces
from volano.traces.spans import Spans


class Curator:
    """Carries what traces and their feedback say to datasets."""

    def __init__(self, datasets: Datasets, feedbacks: Feedbacks, traces: Traces, spans: Spans):
        self._datasets = datasets
        self._feedbacks = feedbacks
        self._traces = traces
        self._spans = spans

    def curate(
        self,
        name: str,
        *,
        base: Ref | str,
        channel: str | None = None,
        release: str | None = None,
        since_us: int = 0,
        by: Principal,
    ) -> Artifact:
        """Add the corrections of a channel's or a release's traces to a dataset.

        Raises:
            UnknownArtifactError: there is no such base.
        """
        corrections = [
            {
                "trace_id": said.trace.id,
                "text": said.trace.input_text,
                "label": said.text,
                "feedback_id": said.feedback.id,
                "at_us": said.feedback.at_us,
            }
            for said in self._feedbacks.corrections(
                channel=channel, release=release, since_us=since_us
            )
        ]
        return self._datasets.curate(name, base, corrections, by=by)

    def take(
        self, trace_id: str, dataset: str, *, label: str | None = None, by: Principal
    ) -> Artifact:
        """Add one trace to the next version of a dataset; a new name begins one.

        The row's label is the given one, else the newest correction on the trace, else the
        answer.

        Raises:
            UnknownTraceError: nothing was recorded under this id.
            NothingToLearnError: its question or its answer was not kept.
            NoCorrectionsError: the dataset says this already, or it does not fit the others.
        """
        text, answer = self._said(trace_id)
        given = [f for f in self._feedbacks.list(trace_id=trace_id, limit=200) if f.correction]
        said = given[0] if given and label is None else None
        right = label or (said.correction if said else answer)
        if not text or not right:
            raise NothingToLearnError(trace=trace_id, what="answer" if text else "question")
        row = {
            "trace_id": trace_id, "text": text, "label": right,
            "feedback_id": said.id if said else "", "at_us": said.at_us if said else 0,
        }  # fmt: skip
        newest = self._datasets.list(dataset, limit=1)
        if not newest:
            return self._datasets.begin(dataset, [row], by=by)
        return self._datasets.curate(dataset, newest[0].ref, [row], by=by)

    def _said(self, trace_id: str) -> tuple[str | None, str | None]:
        """Return question and answer: of the newest call, else of the first span that has them."""
        if calls := self._traces.calls(trace_id):
            return calls[-1].input_text, calls[-1].output_text
        spans = self._spans.of_trace(trace_id, limit=200)
        if not spans:
            raise UnknownTraceError(trace=trace_id)
        told = [s for s in spans if s.input_text and s.output_text] or [*spans]
        return told[0].input_text, told[0].output_text
