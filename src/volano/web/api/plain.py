"""Results become plain JSON values: dataclasses to objects, artifacts with their ref."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from volano.core.manifest import Manifest
from volano.core.noted import Noted
from volano.store.artifact import Artifact


def plain(value: Any) -> Any:
    """Return the value as JSON knows it: numbers that are none become null."""
    if value is None or isinstance(value, bool | int | float | str):
        return _value(value)
    if isinstance(value, Artifact):
        return _artifact(value)
    if isinstance(value, Noted):
        return {**plain(value.value), "notes": list(value.notes)}
    if isinstance(value, Manifest):
        return value.to_dict()
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.structs.asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no JSON form of {type(value).__name__}")


def _value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _artifact(artifact: Artifact) -> dict[str, Any]:
    manifest = artifact.manifest
    return {
        "ref": artifact.ref,
        "kind": artifact.kind,
        "name": artifact.name,
        "number": artifact.number,
        "digest": str(artifact.digest),
        "size": manifest.size,
        "labels": list(artifact.labels),
        "state": artifact.state,
        **({"problem": artifact.problem} if artifact.problem else {}),
        "created_us": manifest.created_us,
        "created_by": artifact.created_by,
        "made_by": manifest.made_by,
        "parents": [{"role": p.role, "digest": str(p.digest)} for p in manifest.parents],
        "files": {path: plain(file) for path, file in manifest.files.items()},
        "meta": plain(manifest.meta),
    }
