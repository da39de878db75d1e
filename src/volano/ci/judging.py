"""What judges said: recorded beside the answers that they judged, so that a replay asks nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from volano.ci.recordings import Recorded, Recordings
from volano.evals.answered import Answered
from volano.evals.remembered import Remembered

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
        return [Recorded(key, replace(one, id=JUDGE)) for key, one in self._used.items()]

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
