"""A Manifest says what an artifact is; its canonical bytes are what the digest names.

What is in it can never change: kind, name, files by digest, parents, the Run
that made it, and a free `meta` object which the room of that kind owns.
Version numbers and labels are names given to a digest, so they are not in it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from volano.core.canon import canonical
from volano.core.digest import BadDigestError, Digest
from volano.core.errors import IntegrityError
from volano.core.ref import check_name

MEDIA_TYPE = "application/vnd.volano.manifest+json"
SCHEMA_VERSION = 1


class BadManifestError(IntegrityError):
    """These bytes are not a manifest of this version of volano."""

    hint = "It may come from a newer volano: upgrade, or run `volano doctor`."


@dataclass(frozen=True, slots=True)
class File:
    """One file of an artifact: the digest of its bytes, and their count."""

    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Parent:
    """An edge of lineage: this artifact was made from that one, in this role."""

    role: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Manifest:
    """An artifact's unchanging description. `created_us` is microseconds UTC."""

    kind: str
    name: str
    created_us: int
    files: Mapping[str, File] = field(default_factory=dict)
    parents: tuple[Parent, ...] = ()
    made_by: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the canonical bytes (RFC 8785)."""
        return canonical(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as plain JSON values."""
        return {
            "media_type": MEDIA_TYPE,
            "schema_version": SCHEMA_VERSION,
            "kind": self.kind,
            "name": check_name(self.name),
            "created_us": self.created_us,
            "files": {
                path: {"digest": str(file.digest), "size": file.size}
                for path, file in self.files.items()
            },
            "parents": [{"role": p.role, "digest": str(p.digest)} for p in self.parents],
            "made_by": self.made_by,
            "meta": dict(self.meta),
        }

    @property
    def digest(self) -> Digest:
        """The digest of the canonical bytes: the artifact's own name."""
        return Digest.of(self.to_bytes())

    @property
    def size(self) -> int:
        """Bytes of all files together, uncompressed."""
        return sum(file.size for file in self.files.values())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """Read a manifest back.

        Raises:
            BadManifestError: not a manifest, or of an unknown schema version.
        """
        try:
            raw = json.loads(data)
            if (raw["media_type"], raw["schema_version"]) != (MEDIA_TYPE, SCHEMA_VERSION):
                raise BadManifestError
            files = {p: File(Digest(f["digest"]), f["size"]) for p, f in raw["files"].items()}
            parents = tuple(Parent(p["role"], Digest(p["digest"])) for p in raw["parents"])
            return cls(
                raw["kind"], raw["name"], raw["created_us"], files, parents,
                raw["made_by"], raw["meta"],
            )  # fmt: skip
        except (AttributeError, KeyError, TypeError, ValueError, BadDigestError) as error:
            raise BadManifestError from error
