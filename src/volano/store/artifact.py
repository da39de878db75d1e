"""An Artifact: a manifest, the number it got under its name, and the labels it bears now."""

from dataclasses import dataclass

from volano.core.digest import Digest
from volano.core.manifest import Manifest

READY, BROKEN, DROPPED = "ready", "broken", "dropped"
"""A dropped one has its manifest and its lineage, and no bytes."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One version of one thing. Everything but `labels` and `state` can never change.

    In a list one may be `broken`: its row is not what was recorded, and
    `problem` says why. Then its manifest is an empty stand-in.
    """

    kind: str
    name: str
    number: int
    digest: Digest
    manifest: Manifest
    labels: tuple[str, ...]
    created_by: str
    state: str = READY
    problem: str = ""

    @property
    def ref(self) -> str:
        """Its readable name: `faq@3`."""
        return f"{self.name}@{self.number}"

    @property
    def size(self) -> int:
        """Bytes of all its files together, uncompressed."""
        return self.manifest.size

    @property
    def created_us(self) -> int:
        """When it was recorded, in microseconds UTC."""
        return self.manifest.created_us

    def __str__(self) -> str:
        return f"{self.kind}/{self.ref}"


@dataclass(frozen=True, slots=True)
class LineageNode:
    """An artifact in a tree of ancestors; `role` says what its child used it as."""

    artifact: Artifact
    role: str
    parents: "tuple[LineageNode, ...]" = ()
