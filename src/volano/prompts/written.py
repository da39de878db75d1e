"""Prompts as YAML: documents of `kind: Prompt`, several in a file, written as people would."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from volano.core.documents import BadDocumentError, documents
from volano.core.text import nfc
from volano.prompts.draft import FIELDS
from volano.prompts.errors import BadPromptError

KIND = "Prompt"


def one_document(file: Path, name: str) -> dict[str, Any]:
    """Return what the only prompt of a file says; `kind` and `name` may be left out.

    Raises:
        BadDocumentError: it holds another thing, or not exactly one.
    """
    prompts = [
        one for one in documents(file.read_text("utf-8"), file.name)
        if one.content.get("kind", KIND) == KIND
    ]  # fmt: skip
    found = [one for one in prompts if nfc(str(one.content.get("name", name))) == nfc(name)]
    if len(found) != 1:
        held = ", ".join(f"`{one.content.get('name', name)}`" for one in prompts[:10])
        why = f"it holds {len(found)} prompts called `{name}` (prompts in it: {held or 'none'})"
        raise BadDocumentError(file=file.name, why=why)
    return said(found[0].content)


def said(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a document says of a prompt, without what says which one it is.

    Raises:
        BadPromptError: a field stands there and says nothing, as in a file that is half written.
    """
    for name, value in content.items():
        if value is None and name in FIELDS:
            raise BadPromptError(why=f"`{name}:` says nothing; write it, or leave it out")
    return {k: v for k, v in content.items() if k not in ("kind", "name", "labels")}


def document(name: str, labels: list[str], content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a prompt as a document."""
    head: dict[str, Any] = {"kind": KIND, "name": name}
    if labels:
        head["labels"] = labels
    return head | {field: content[field] for field in FIELDS if field in content}
