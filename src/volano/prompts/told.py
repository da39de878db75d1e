"""A version of a prompt as it stands in a list."""

from dataclasses import dataclass

from volano.store.artifact import Artifact


@dataclass(frozen=True, slots=True)
class Told:
    """Which version, what names it, who made it and why."""

    ref: str
    labels: tuple[str, ...]
    why: str
    digest: str
    created_us: int
    created_by: str
    state: str
    problem: str


def told(artifact: Artifact) -> Told:
    """Return a version as it stands in a list."""
    return Told(
        artifact.ref, artifact.labels, str(artifact.manifest.meta.get("why", "")),
        str(artifact.digest), artifact.created_us, artifact.created_by, artifact.state,
        artifact.problem,
    )  # fmt: skip
