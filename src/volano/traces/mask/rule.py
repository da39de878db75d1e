"""A mask rule: what to hide, where, and what stands there then."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

Where = Literal["all", "texts", "bodies", "attributes"]
PARTS: tuple[Where, ...] = ("all", "texts", "bodies", "attributes")
Kind = Literal["regex", "attribute", "detect"]


class MaskRule(msgspec.Struct, frozen=True):
    """`pattern` is a regular expression (RE2), the name of an attribute, or that of a detector.

    `channel` empty is everything, spans of applications too; these have no channel.
    """

    id: str
    name: str
    kind: Kind
    pattern: str
    replace: str
    channel: str = ""
    where: Where = "all"

    def touches(self, part: Where) -> bool:
        """Whether it hides in this part of a call or span."""
        return self.where in ("all", part)


def write_rules(path: Path, rules: Iterable[MaskRule]) -> None:
    """Put the rules where the recorder reads them, whole or not at all. Control only."""
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(msgspec.json.encode([*rules]))
    beside.replace(path)


def read_rules(data: bytes) -> list[MaskRule]:
    """Read what was written. Raises msgspec.DecodeError, msgspec.ValidationError."""
    return msgspec.json.decode(data, type=list[MaskRule])
