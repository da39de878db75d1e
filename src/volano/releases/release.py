"""A Release pins one flow and all it needs, with the reports that speak for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from volano.core.digest import Digest
from volano.core.manifest import Parent
from volano.releases.statement import IN_TOTO, signed
from volano.store.artifact import Artifact

KIND = "release"
BODY = "release.json"
SIGNATURE = "release.dsse.json"


@dataclass(frozen=True)
class Pins:
    """The artifacts that a release names, by digest and by readable ref."""

    flow: Artifact
    parts: Sequence[tuple[str, Artifact]]
    reports: Sequence[Artifact]

    def all(self) -> list[tuple[str, Artifact]]:
        """Return (role, artifact) in a fixed order."""
        return [
            ("flow", self.flow),
            *self.parts,
            *(("report", report) for report in self.reports),
        ]

    def strange_reports(self) -> list[Artifact]:
        """Return the reports that speak neither of the flow nor of a model of it."""
        own = {self.flow.digest, *(part.digest for _, part in self.parts if part.kind == "model")}
        return [report for report in self.reports if own.isdisjoint(subjects_of(report))]

    def parents(self) -> list[Parent]:
        """Return the edges of lineage. A part of the flow is reached through the flow."""
        return [Parent(role, artifact.digest) for role, artifact in self.all()]

    def body(self, name: str, card: bytes) -> bytes:
        """Return the canonical bytes that are signed: an in-toto Statement."""
        return signed(IN_TOTO, name, self.all(), Digest.of(card))


def subjects_of(report: Artifact) -> list[Digest]:
    """Return what a report speaks of: the flow or the model whose answers it scored."""
    return [parent.digest for parent in report.manifest.parents if parent.role == "subject"]
