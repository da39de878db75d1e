"""A Row is a text, what should be answered to it, and what else is known of it; a Schema is what all labels have in common."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from volano.core.canon import NotCanonicalError, canonical
from volano.core.text import nfc
from volano.data.errors import BadLabelError, BadRecordError, BadTextError
from volano.data.line import OWN_KEY, columns_of, own_id

Label = str | dict[str, Any]

MAX_TEXT = 200_000
"""Characters a text may have."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `id` names its content; `origin` the trace and feedback it came from.

    `more` holds the columns beside text and label: what a judge, a slice or a preference needs.
    """

    id: str
    text: str
    label: Label
    origin: dict[str, str] | None = None
    more: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the row with all its columns, as a dataset keeps it."""
        row = {"id": self.id, "text": self.text, "label": self.label, "origin": self.origin}
        return {**self.more, **row}


@dataclass(frozen=True, slots=True)
class Schema:
    """Labels are all text (`fields` empty), or all objects with these fields and JSON types.

    `fields` maps a name to the JSON types seen, in the order of the first row:
    the order in which a model is taught to answer.
    """

    fields: Mapping[str, tuple[str, ...]]

    @property
    def is_text(self) -> bool:
        """Whether labels are plain texts."""
        return not self.fields

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values. Fields are a list, as canonical JSON keeps no order of keys."""
        fields = [{"name": name, "types": list(types)} for name, types in self.fields.items()]
        return {"text": "text", "label": "text" if self.is_text else "object", "fields": fields}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Schema":
        """Read a schema back from an artifact's meta."""
        return cls({field["name"]: tuple(field["types"]) for field in raw["fields"]})

    def misfit(self, label: Label) -> str | None:
        """Return why the label does not fit, in words; None when it does."""
        if isinstance(label, str):
            return None if self.is_text else "it is a text where others are objects"
        if self.is_text:
            return "it is an object where others are texts"
        for name in self.fields:
            if name not in label:
                return f"the field `{name}` is missing"
        for name in label:
            if name not in self.fields:
                return f"the field `{name}` is unknown"
        return None

    def mistyped(self, label: Label) -> str | None:
        """Return which field has a type that no row so far had; None when all are known."""
        if isinstance(label, str):
            return None
        for name, types in self.fields.items():
            if json_type(label[name]) not in types:
                return f"the field `{name}` must be {' or '.join(types)}"
        return None

    def ordered(self, label: Label) -> Label:
        """Return the label with its fields in the schema's order."""
        return label if isinstance(label, str) else {name: label[name] for name in self.fields}


def row_of(
    text: str,
    label: Label,
    origin: dict[str, str] | None = None,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> Row:
    """Return the row with its id: 16 hexadecimal digits of the content's sha256.

    Raises:
        NotCanonicalError, RecursionError: JSON cannot say a column.
    """
    text, more = nfc(text), dict(more)
    content = canonical({**more, "text": text, "label": label})
    return Row(hashlib.sha256(content).hexdigest()[:16], text, label, origin, more)


def rows_of(
    raw: Iterable[Mapping[str, Any]], where: str = "the rows", *, like: Schema | None = None
) -> tuple[list[Row], Schema]:
    """Check raw rows (`text`, `label`, further columns) and return them with their schema.

    A row that says its `origin` (trace, feedback) keeps it; its own `id` becomes a column. `like` is the schema that they must have too; without it the first row sets it.

    Raises:
        BadTextError: a text that is no string, too long, or not writable as UTF-8.
        BadLabelError: no label, one that JSON cannot say, or another shape than the others.
        BadRecordError: another column that JSON cannot say, or an `id` of its own beside a `source_id`.
    """
    raw = list(raw)
    checked = [
        (_text(item.get("text"), at, where), _label(item.get("label"), at, where))
        for at, item in enumerate(raw, 1)
    ]
    schema = _schema([label for _, label in checked], where, like)
    rows = []
    for at, (item, (text, label)) in enumerate(zip(raw, checked, strict=True), 1):
        if own_id(item) not in (None, item.get(OWN_KEY, own_id(item))):
            why = f"its `id` has to be called `{OWN_KEY}` here, and it has a `{OWN_KEY}` already"
            raise BadRecordError(row=at, why=why, hint="Rename one of the two columns.")
        try:
            rows.append(row_of(text, schema.ordered(label), item.get("origin"), _more(item)))
        except (NotCanonicalError, RecursionError) as error:
            deep = isinstance(error, RecursionError)
            why = "it is nested too deeply" if deep else str(error)
            raise BadRecordError(row=at, why=why) from error
    return rows, schema


def _more(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns beside text and label; `line_of` names a row's own id the same way."""
    columns = columns_of(item)
    return {name: value for name, value in columns.items() if name not in ("text", "label")}


def key_of(label: Label) -> bytes:
    """Return bytes that are equal exactly when two labels are."""
    return canonical(label)


def json_type(value: Any) -> str:
    """Return the JSON name of a value's type."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, int | float):
        return "number"
    names: dict[type, str] = {str: "text", dict: "object", list: "list", tuple: "list"}
    return names.get(type(value), type(value).__name__)


def _schema(labels: list[Label], where: str, like: Schema | None) -> Schema:
    first = labels[0] if labels else ""
    shape = like or Schema({} if isinstance(first, str) else dict.fromkeys(first, ()))
    for at, label in enumerate(labels, 1):
        if why := shape.misfit(label):
            raise BadLabelError(row=at, path=where, reason=why)
    seen = {name: dict.fromkeys(types) for name, types in shape.fields.items()}
    for label in labels:
        for name in seen:
            seen[name][json_type(label[name])] = None  # type: ignore[index]
    return Schema({name: tuple(types) for name, types in seen.items()})


def _text(value: Any, at: int, where: str) -> str:
    reason = ""
    if not isinstance(value, str):
        reason = "it is missing" if value is None else f"it is a {json_type(value)}"
    elif len(value) > MAX_TEXT:
        reason = f"it has {len(value)} characters"
    elif not _writable(value):
        reason = "it holds half a surrogate pair"
    if reason:
        raise BadTextError(row=at, path=where, reason=reason, limit=MAX_TEXT)
    return nfc(value)


def _label(value: Any, at: int, where: str) -> Label:
    """Return a text or an object; numbers and booleans become the text JSON writes."""
    reason = ""
    if value is None:
        reason = "it is missing"
    elif isinstance(value, list):
        reason = "it is a list"
    elif value == {}:
        reason = "it is an empty object"
    else:
        try:
            canonical(value)
        except (NotCanonicalError, RecursionError) as error:
            reason = str(error)
    if reason:
        raise BadLabelError(row=at, path=where, reason=reason)
    if isinstance(value, dict):
        return dict(_nfc_deep(value))
    return nfc(value).strip() if isinstance(value, str) else json.dumps(value)


def _nfc_deep(value: Any) -> Any:
    if isinstance(value, str):
        return nfc(value)
    if isinstance(value, dict):
        return {nfc(key): _nfc_deep(item) for key, item in value.items()}
    return [_nfc_deep(item) for item in value] if isinstance(value, list | tuple) else value


def _writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
