"""Addresses: what is said of models that live elsewhere, checked before it is recorded."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from volano.core.text import shown_address
from volano.models.errors import BadPointerError
from volano.models.pointer import Entry

_URL = re.compile(r"[\x21-\x7e]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_WEIGHT = re.compile(r"[1-9][0-9]{0,5}")


def check_pointer(url: str, model: str, key_env: str | None) -> None:
    """Check the address of a server, the model's name there, and the variable of its key.

    Raises:
        BadPointerError: one of them is no good.
    """
    if not _URL.fullmatch(url):
        raise BadPointerError(reason=f"`{shown_address(url)}` holds what no address has")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadPointerError(reason=f"`{shown_address(url)}` is not an address") from error
    if parts.scheme not in ("http", "https") or not host:
        raise BadPointerError(reason=f"`{shown_address(url)}` is not an http address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise BadPointerError(reason="credentials, queries and fragments do not belong into it")
    if parts.scheme == "http" and host not in _LOOPBACK and key_env:
        raise BadPointerError(reason="a key must not travel unencrypted")
    check_model(model)
    if key_env is not None and not _VARIABLE.fullmatch(key_env):
        raise BadPointerError(reason="`key_env` is the name of a variable, not a key")


def check_model(model: str) -> None:
    """Check a model's name at its provider.

    Raises:
        BadPointerError: it is none.
    """
    if not model.strip() or len(model) > 200 or not model.isprintable():
        raise BadPointerError(reason="the model's name there is missing or strange")


def shares_of(weights: Sequence[str | int], count: int) -> list[int]:
    """Read a weight for each of `count` entries; 1 each where none is given.

    Raises:
        BadPointerError: they are no whole numbers from 1, or not one for each.
    """
    if not weights:
        return [1] * count
    texts = [str(weight) for weight in weights]
    if len(texts) != count or not all(map(_WEIGHT.fullmatch, texts)):
        raise BadPointerError(reason="weights are whole numbers from 1, one for each entry")
    return list(map(int, texts))


def meta_of(entry: Entry) -> dict[str, Any]:
    """Return an entry for the manifest: what is usual is not said, so that digests stay."""
    said = {"target": entry.target, "model": entry.model, "digest": entry.digest}
    meta: dict[str, Any] = {name: text for name, text in said.items() if text}
    if entry.weight != 1:
        meta["weight"] = entry.weight
    return {**meta, "fallback": True} if entry.fallback else meta
