"""Curating: what people corrected on traces becomes the next version of a dataset."""

from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.data.keeper import Datasets
from volano.feedback.keeper import Feedbacks
from volano.store.artifact import Artifact


class Curator:
    """Carries corrections from feedback to datasets."""

    def __init__(self, datasets: Datasets, feedbacks: Feedbacks):
        self._datasets = datasets
        self._feedbacks = feedbacks

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
