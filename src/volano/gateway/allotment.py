"""Which slot of the shared counters each limited subject has.

A subject keeps its slot as long as it is limited, also over a restart of
control, which reads the last snapshot: else its counts would begin anew, or be
those of another. A slot given to another subject gets another `use`, by which
its words are told from the former one's.
"""

from collections.abc import Iterable, Mapping

from volano.access.limit import Limit
from volano.gateway import snapshot as shape
from volano.gateway.tally import SLOTS, USES


class Allotment:
    """The slots in use. `before` is what the last snapshot said, `serial` any number to go on from."""

    def __init__(self, before: Mapping[str, shape.Limit], serial: int):
        self._at = {subject: (limit.slot, limit.use) for subject, limit in before.items()}
        self._serial = serial

    def allot(self, limits: Iterable[Limit]) -> dict[str, shape.Limit]:
        """Return the limits with their slots; the lowest free ones go to the new."""
        wanted = [limit for limit in limits if not limit.empty]
        subjects = {limit.subject for limit in wanted}
        self._at = {subject: at for subject, at in self._at.items() if subject in subjects}
        taken = {slot for slot, _ in self._at.values()}
        free = iter([slot for slot in range(SLOTS) if slot not in taken])
        found = {}
        for limit in wanted:
            if limit.subject not in self._at:
                self._serial = (self._serial + 1) % USES
                self._at[limit.subject] = (next(free), self._serial)
            slot, use = self._at[limit.subject]
            found[limit.subject] = shape.Limit(slot, use, limit.rpm, limit.tpm, limit.concurrency)
        return found
