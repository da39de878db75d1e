"""An Exposure: a unit, the arm it saw first, since when, and what was told of it since."""

from volano.releases.experiment.measure import Measure

Told = dict[int, dict[str, float]]


class Exposure:
    """One unit. `arm` is where it was assigned; `values` are what it entered the statistics with.

    Of calls only number and sum are kept; of feedback each thread, because it may be thought
    better of.
    """

    __slots__ = ("arm", "calls", "said", "since_us", "values")

    def __init__(self, arm: int, since_us: int):
        self.arm = arm
        self.since_us = since_us
        self.calls: dict[int, tuple[int, float]] | None = None
        self.said: Told | None = None
        self.values: list[float | None] | None = None

    def called(self, place: int, value: float) -> None:
        """Take what a call told of the measure at this place."""
        self.calls = {} if self.calls is None else self.calls
        n, total = self.calls.get(place, (0, 0.0))
        self.calls[place] = (n + 1, total + value)

    def judged(self, place: int, thread: str, value: float | None) -> None:
        """Take what was said in a thread; None: it was taken back."""
        self.said = {} if self.said is None else self.said
        threads = self.said.setdefault(place, {})
        threads.pop(thread, None)
        if value is not None:
            threads[thread] = value

    def value(self, place: int, measure: Measure) -> float | None:
        """Return the unit's one value of a measure; None where it has none."""
        if measure.of_calls:
            told = (self.calls or {}).get(place)
            return None if told is None else measure.together(told)
        threads = (self.said or {}).get(place)
        if threads:
            return measure.together(threads)
        return 0.0 if measure.zero else None
