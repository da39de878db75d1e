"""What is signed of a release: an in-toto Statement, of the artifacts that it pins.

Source: in-toto Attestation Framework, Statement v1 (github.com/in-toto/attestation, spec/v1/statement.md).
Its subjects are the pinned artifacts: the sha256 of an artifact is that of its manifest, which
names every file by its own. The predicate is ours: under which name they were pinned, and as what.
"""

from collections.abc import Iterable
from typing import Any

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.store.artifact import Artifact

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:x-volano:release:v1"
IN_TOTO = "application/vnd.in-toto+json"
PLAIN = "application/vnd.volano.release+json"
"""The type of what was signed before there were statements: name and pins, and nothing around them."""


def signed(
    kind: str, name: str, pins: Iterable[tuple[str, Artifact]], card: Digest | None = None
) -> bytes:
    """Return the canonical bytes that a release of these pins has under this type of payload.

    `card` is the digest of its card, where it has one.
    """
    pinned = list(pins)
    predicate: dict[str, Any] = {
        "name": name,
        "pins": [
            {"role": role, "ref": artifact.ref, "digest": str(artifact.digest)}
            for role, artifact in pinned
        ],
    }
    if card is not None:
        predicate["card"] = {"sha256": card.hex}
    if kind == PLAIN:
        return canonical(predicate)
    return canonical(
        {
            "_type": STATEMENT,
            "subject": _subjects(artifact for _, artifact in pinned),
            "predicateType": PREDICATE,
            "predicate": predicate,
        }
    )


def _subjects(pinned: Iterable[Artifact]) -> list[dict[str, Any]]:
    """Return each artifact once, whatever roles it has; the kind makes its name one of its own."""
    names = {f"{one.kind}/{one.ref}": one.digest.hex for one in pinned}
    return [{"name": name, "digest": {"sha256": found}} for name, found in names.items()]
