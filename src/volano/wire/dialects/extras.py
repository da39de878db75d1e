"""Fields of one client's dialect that another may have no word for.

Saying a default is the same as not saying it. Some fields change nothing in the
answer: a dialect lists those it leaves out, with a reason each. All others that it
does not pass on it refuses.
"""

from collections.abc import Collection, Mapping

import msgspec
from msgspec import Raw

from volano.wire.exchange import CannotSayError

DEFAULTS: Mapping[str, object] = {
    "modalities": ["text"],
    "verbosity": "medium",
    "logit_bias": {},
    "speed": "standard",
    "store": False,
    "truncation": "disabled",
    "include": ["reasoning.encrypted_content"],  # other providers sign thoughts unasked
}
"""Extra fields that say nothing when they have this value."""


def passed(
    extra: Mapping[str, Raw], *, on: Collection[str], left_out: Collection[str]
) -> dict[str, Raw]:
    """Return the extra fields that are said as they are.

    Raises:
        CannotSayError: for one that is neither said (`on`) nor may be left out.
    """
    said = {}
    for name, raw in extra.items():
        if name in on:
            said[name] = raw
        elif name not in left_out and not _is_default(name, raw):
            raise CannotSayError(_refusal(name), name)
    return said


def refuse_to_store(extra: Mapping[str, Raw]) -> None:
    """Refuse to have an answer kept: what one API keeps, another's clients cannot find again.

    Raises:
        CannotSayError: `store` is said, and is not false.
    """
    if "store" in extra and not _is_default("store", extra["store"]):
        raise CannotSayError(_refusal("store"), "store")


def _refusal(name: str) -> str:
    if name == "store":
        return "This provider keeps no answers: leave `store` out, or say false."
    if name.startswith("tools["):
        return f"Only plain functions can be said to this provider as tools, not `{name}`."
    return f"`{name}` cannot be said to this provider."


def _is_default(name: str, raw: Raw) -> bool:
    if name not in DEFAULTS:
        return False
    try:
        return bool(msgspec.json.decode(raw) == DEFAULTS[name])
    except (ValueError, RecursionError):
        return False
