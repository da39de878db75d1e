"""What judges said: recorded beside the answers that they judged, so that a replay asks nobody."""

from collections.abc import Mapping, Sequence
from typing import Any

from volano.ci.recordings import Recorded, Recordings
from volano.core.errors import NotFoundError
from volano.core.ports.chat import Answer
from volano.evals.answered import Answered
from volano.evals.remembered import Remembered
from volano.evals.scoring import BadScorerError

JUDGE = "~judge"
"""The row that judgements are recorded under: they stand last in their file."""


class JudgeAnswers:
    """Remembers what judges said, in the place that a mode of checking wants."""

    def __init__(self, recordings: Recordings, remembered: Remembered, mode: str):
        self._recordings = recordings
        self._remembered = remembered
        self._files = mode in ("record", "replay")
        self._used: dict[str, Answered] = {}

    @property
    def recorded(self) -> list[Recorded]:
        """What was said, for the file."""
        return [Recorded(key, one.but(id=JUDGE)) for key, one in self._used.items()]

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Answered]:
        """Return what is known."""
        if not self._files:
            return self._remembered.get(keys)
        found = {key: one for key in keys if (one := self._recordings.find(key.hex()))}
        self._used.update((key.hex(), one) for key, one in found.items())
        return found

    def put(self, answers: Mapping[bytes, Answered]) -> None:
        """Keep what was said."""
        if self._files:
            self._used.update((key.hex(), one) for key, one in answers.items())
        else:
            self._remembered.put(answers)


class Unrecorded:
    """Stands where a replay would ask a judge or an embedder, and says that it asks nobody."""

    def __call__(self, messages: Sequence[dict[str, Any]], **settings: Any) -> Answer:  # noqa: ARG002
        """Raise NotFoundError: the judge's answer is in no recording."""
        raise NotFoundError("What the judge said is not recorded.")

    def vectors(self, texts: Sequence[str]) -> list[list[float]]:  # noqa: ARG002 - as an embedder has it
        """Raise BadScorerError: recordings hold no vectors."""
        why = "vectors are not recorded; run without --replay"
        raise BadScorerError(name="embedding", why=why)
