"""Say a verb: check its arguments, call the keeper, return plain JSON values."""

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from volano.core.errors import InvalidError
from volano.core.principal import Principal
from volano.web.api.plain import plain
from volano.web.api.verb import Kind, Param, Verb


class MissingArgumentError(InvalidError):
    """`{noun} {verb}` needs `{name}`: {help}."""


class UnknownArgumentError(InvalidError):
    """`{noun} {verb}` does not take `{name}`."""

    hint = "It takes: {known}."


class BadArgumentError(InvalidError):
    """`{name}` cannot be {value}: {why}."""


class LocalOnlyError(InvalidError):
    """`{name}` names a file on the server's machine, which only the command line there may do."""

    hint = "Run `volano {noun} {verb}` on that machine."


def say(
    app: Any, verb: Verb, arguments: Mapping[str, Any], *, by: Principal, local: bool = False
) -> Any:
    """Call the keeper's method that the verb names.

    Raises:
        InvalidError: an argument is missing, unknown or of the wrong kind.
        VolanoError: whatever the keeper says.
    """
    known = {param.name: param for param in verb.params}
    for name in arguments:
        if name not in known:
            raise UnknownArgumentError(
                noun=verb.noun,
                verb=verb.name,
                name=ascii(name)[1:-1][:80],
                known=", ".join(known) or "nothing",
            )
    values = {}
    for name, param in known.items():
        value = arguments.get(name)
        if value is None:
            if param.required:
                raise MissingArgumentError(
                    noun=verb.noun, verb=verb.name, name=name, help=param.help
                )
            if param.default is None:
                continue
            value = param.default
        here = param.kind == "document" and isinstance(value, Mapping) and "folder" in value
        if (here or param.kind in ("path", "folder", "output", "source")) and not local:
            raise LocalOnlyError(name=name, noun=verb.noun, verb=verb.name)
        values[name] = _typed(param, value)
    first = [values.pop(p.name) for p in verb.params if p.first and p.name in values]
    if verb.changes or verb.reads:
        values["by"] = by
    return plain(_method(app, verb.call)(*first, **values))


def _method(app: Any, call: str) -> Any:
    target = app
    for part in call.split("."):
        target = getattr(target, part)
    return target


def _typed(param: Param, value: Any) -> Any:
    try:
        typed = _CONVERT[param.kind](value)
    except (TypeError, ValueError, KeyError, RecursionError) as error:
        raise _bad(param, value, f"it must be {_WORDS[param.kind]}") from error
    if param.choices and typed not in param.choices:
        raise _bad(param, value, f"it is one of {', '.join(param.choices)}")
    if param.least is not None and typed < param.least:
        raise _bad(param, value, f"it must be {param.least} or more")
    if param.most is not None and typed > param.most:
        raise _bad(param, value, f"it must be {param.most} or less")
    return typed


def _bad(param: Param, value: Any, why: str) -> BadArgumentError:
    shown = "what was given" if param.kind == "secret" else ascii(value)[:80]
    return BadArgumentError(name=param.name, value=shown, why=why)


_WORDS = {
    "text": "text",
    "int": "a whole number",
    "float": "a number",
    "flag": "true or false",
    "json": "JSON",
    "list": "a list of texts",
    "path": "a file's path",
    "output": "a file's path",
    "folder": "the path of a file or a folder",
    "secret": "text",
    "scalar": "text, a number, true or false",
    "source": "a path, a URL or a mapping",
    "document": "a name, or an object with `file` and `text`",
}


def _text(value: Any) -> str:
    """Take text that every database and every file can hold."""
    if not isinstance(value, str):
        raise TypeError(value)
    if "\0" in value:
        raise ValueError(value)
    value.encode()
    return value


def _int(value: Any) -> int:
    if not isinstance(value, int | str) or isinstance(value, bool):
        raise TypeError(value)
    if isinstance(value, str) and not _INT.fullmatch(value):
        raise ValueError(value)
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise ValueError(value)
    return number


def _float(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError(value)
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError(value) from error
    if not math.isfinite(number):
        raise ValueError(value)
    return number


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in {"true", "false"}:
        raise ValueError(value)
    return value.lower() == "true"


def _json(value: Any) -> Any:
    found = json.loads(value) if isinstance(value, str) else value
    json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
    return found


def _list(value: Any) -> list[str]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise TypeError(value)
    return [_text(item).strip() for item in items]


def _path(value: Any) -> Path:
    if not value:
        raise ValueError(value)
    return Path(_text(value))


def _scalar(value: Any) -> str | float | bool:
    if isinstance(value, bool):
        return value
    return _float(value) if isinstance(value, int | float) else _text(value)


def _source(value: Any) -> dict[str, str]:
    """Take what was said, and the folder it was said in."""
    found = json.loads(value) if isinstance(value, str) else value
    return {name: _text(found[name]) for name in ("said", "folder")}


def _document(value: Any) -> Any:
    """Take a name, or what a file says; an object of other keys is the document itself."""
    if isinstance(value, str):
        return _text(value)
    return _json(dict(value))


_INT = re.compile(r"[+-]?[0-9]+")
_CONVERT: Mapping[Kind, Callable[[Any], Any]] = {
    "text": _text,
    "int": _int,
    "float": _float,
    "flag": _flag,
    "json": _json,
    "list": _list,
    "path": _path,
    "output": _path,
    "folder": _path,
    "secret": _text,
    "scalar": _scalar,
    "source": _source,
    "document": _document,
}
