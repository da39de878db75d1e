"""Label names: a column of class numbers gets the names that `datasets` wrote beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from volano.core.lazy import lazy

if TYPE_CHECKING:
    import pyarrow as pa
else:
    pa = lazy("pyarrow")


Names = Mapping[str, Sequence[str]]


def label_names(schema: pa.Schema) -> Names:
    """Return the names of each class column, as the metadata `huggingface` of a schema says."""
    raw = (schema.metadata or {}).get(b"huggingface")
    if not raw:
        return {}
    try:
        features = json.loads(raw)["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    if not isinstance(features, dict):
        return {}
    return {name: feature["names"] for name, feature in features.items() if _is_class(feature)}


def named(row: dict[str, Any], names: Names) -> dict[str, Any]:
    """Return the row with names for numbers; a number without a name stays."""
    for column, known in names.items():
        value = row.get(column)
        if isinstance(value, int) and 0 <= value < len(known):
            row[column] = known[value]
    return row


def _is_class(feature: Any) -> bool:
    return (
        isinstance(feature, dict)
        and feature.get("_type") == "ClassLabel"
        and isinstance(feature.get("names"), list)
        and all(isinstance(name, str) for name in feature["names"])
    )
