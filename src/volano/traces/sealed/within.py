"""Within: bounds of a question that say by themselves which sealed files need not be opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from volano.traces.sealed.manifest import SealedFile


@dataclass(frozen=True, slots=True)
class Within:
    """Rows whose `began_us` is in [since_us, until_us), whose `seq` is in (after, before), of these traces."""

    since_us: int | None = None
    until_us: int | None = None
    after: int | None = None
    before: int | None = None
    ids: Sequence[str] | None = None

    def clause(self, where: str, params: Sequence[Any]) -> tuple[str, list[Any]]:
        """Return a WHERE that holds where the given one does, within these bounds."""
        parts, values = [f"({where})"], [*params]
        for condition, bound in (
            ("began_us >= ?", self.since_us), ("began_us < ?", self.until_us),
            ("seq > ?", self.after), ("seq < ?", self.before),
        ):  # fmt: skip
            if bound is not None:
                parts.append(condition)
                values.append(bound)
        if self.ids is not None:
            parts.append(f"id IN ({', '.join('?' * len(self.ids)) or 'NULL'})")
            values += self.ids
        return " AND ".join(parts), values

    def touches(self, file: SealedFile) -> bool:
        """Whether the file may have such rows. Its ids are asked apart."""
        return (
            (self.since_us is None or file.max_us >= self.since_us)
            and (self.until_us is None or file.min_us < self.until_us)
            and (self.after is None or file.max_seq > self.after)
            and (self.before is None or file.min_seq < self.before)
        )


EVERYTHING = Within()
