"""Limits: how much one file, line or document may ask of this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from volano.data.errors import BadSourceError

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes, but for `ratio`, `depth` and `seconds`.

    line: one line of a file, or one record of CSV.
    document: one text, page or document, which is held in memory as a whole.
    unpacked: what a compressed file may unpack to.
    ratio: how many times its size a file may unpack to, once that is over 16 MiB.
    download: one answer of a server.
    depth: how deep a value may nest.
    memory, seconds: what the process that reads one HTML, PDF or DOCX may take.
    """

    line: int = 8 * MIB
    document: int = 32 * MIB
    unpacked: int = 1 << 40
    ratio: int = 1000
    download: int = 1 << 30
    depth: int = 64
    memory: int = 512 * MIB
    seconds: int = 60

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise BadSourceError(
                    why=f"the limit `{one.name}` is a whole number of at least 1",
                    hint="Limits are: " + ", ".join(f.name for f in fields(self)) + ".",
                )


def limits_of(given: Mapping[str, Any]) -> Limits:
    """Return the limits with those that were given.

    Raises:
        BadSourceError: a limit that there is not, or that is no number.
    """
    known = [one.name for one in fields(Limits)]
    for name in given:
        if name not in known:
            raise BadSourceError(
                why=f"there is no limit `{name}`", hint=f"Limits are: {', '.join(known)}."
            )
    return Limits(**given)
