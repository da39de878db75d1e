"""A look: what one pass over all segments found, on its way into the tables."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from volano.traces.aside import Loss
from volano.traces.segment import Frame, Reading, Segment


@dataclass(slots=True)
class Look:
    """What was read, which lives are over and when they last wrote, and what became of it.

    `behind`: there was more to read than one look takes.
    """

    readings: list[tuple[Segment, Reading]] = field(default_factory=list)
    over: dict[str, int] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    rows: int = 0
    spans: int = 0
    spans_aside: int = 0
    repeats: int = 0
    cut: int = 0
    behind: bool = False

    @property
    def size(self) -> int:
        """How many frames were read."""
        return sum(len(reading.frames) for _, reading in self.readings)

    def frames(self) -> Iterator[tuple[Segment, Frame]]:
        """All frames with their segments, in the order of writing."""
        for segment, reading in self.readings:
            for frame in reading.frames:
                yield segment, frame


@dataclass(slots=True)
class Tally:
    """What a recorder did since it started; `trouble` is empty while all is well."""

    rows: int = 0
    spans: int = 0
    spans_aside: int = 0
    repeats: int = 0
    cut: int = 0
    losses: int = 0
    lost_bytes: int = 0
    trouble: str = ""

    def add(self, look: Look) -> None:
        """Count a look that was committed."""
        self.rows += look.rows
        self.spans += look.spans
        self.spans_aside += look.spans_aside
        self.repeats += look.repeats
        self.cut += look.cut
        self.losses += len(look.losses)
        self.lost_bytes += sum(loss.end - loss.start for loss in look.losses)
