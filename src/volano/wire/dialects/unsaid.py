"""What the writers for Gemini and Bedrock share: refusing, and joining turns.

A writer has three answers to a field: say it, leave it out by a list that gives the
reason (nothing in the answer changes), or refuse it by name.
"""

from collections.abc import Collection, Mapping

import msgspec
from msgspec import Raw

from volano.wire.dialects.extras import passed
from volano.wire.dialects.places import Placed, placed
from volano.wire.exchange import Ask, CannotSayError, Turn

EXTRA_LEFT_OUT: Mapping[str, str] = {
    "prompt_cache_key": "helps the provider's cache to find a prefix; never changes an answer",
    "prompt_cache_options": "the same",
    "prompt_cache_retention": "how long the provider's cache keeps a prefix",
    "safety_identifier": "names the end user to the client's provider",
    "stream_options": "usage is always asked for; padding only hides lengths from onlookers",
}
"""Fields of other dialects that change nothing in the answer, and why."""

_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode


def passed_on(ask: Ask, known: Collection[str]) -> dict[str, Raw]:
    """The extra fields that this dialect knows.

    Raises:
        CannotSayError: one is neither known nor harmless.
    """
    said = {name: raw for name, raw in ask.extra.items() if bytes(raw) != b"null"}
    return passed(said, on=known, left_out=EXTRA_LEFT_OUT)


def refuse(ask: Ask, fields: Mapping[str, str]) -> None:
    """Refuse the fields that are said; `fields` tells the neutral name -> the client's.

    Raises:
        CannotSayError: the first of them that is said.
    """
    for name, param in fields.items():
        value = getattr(ask, name)
        if value if name != "seed" else value is not None:  # zero is a seed, but no penalty
            raise CannotSayError(f"The target's API has no word for `{param}`.", param)


def refuse_many(ask: Ask) -> None:
    """More than one answer, or the probabilities of its tokens, find no place in a `Reply`."""
    if ask.n not in (None, 1):
        raise CannotSayError("Only one answer can be asked of this target (`n`).", "n")
    refuse(ask, {"logprobs": "logprobs", "top_logprobs": "top_logprobs"})


def joined(turns: list[Turn]) -> tuple[Placed | None, list[Placed]]:
    """(What the system says first, the other turns with neighbours of one role joined).

    Raises:
        CannotSayError: a turn names its speaker, or there is nothing but the system.
    """
    first: Placed | None = None
    rest: list[Placed] = []
    for turn in placed(turns):
        if turn.name:
            text = "The target cannot tell speakers apart by name."
            raise CannotSayError(text, f"{turn.path}.name")
        if turn.role == "system" and not rest:
            first = _followed(first, turn) if first else turn
        elif rest and rest[-1].role == turn.role:
            rest[-1] = _followed(rest[-1], turn)
        else:
            rest.append(turn)
    if not rest:
        raise CannotSayError("The target needs a message besides the system's.", "messages")
    return first, rest


def _followed(turn: Placed, by: Placed) -> Placed:
    return turn._replace(parts=[*turn.parts, *by.parts], paths=[*turn.paths, *by.paths])


def object_of(text: str | None, param: str, *, what: str = "A tool's arguments") -> Raw:
    """JSON text that is an object, ready to be spliced; none is the empty one.

    Raises:
        CannotSayError: it is no object.
    """
    if not text or not text.strip():
        return Raw(b"{}")
    try:
        _decode_object(text)
    except (ValueError, RecursionError):
        raise CannotSayError(f"{what} must be a JSON object for this target.", param) from None
    return Raw(text.encode())


def described(schema: Raw, description: str | None) -> Raw:
    """The schema with a description, unless it has one."""
    if not description:
        return schema
    try:
        fields = _decode_object(schema)
    except (ValueError, RecursionError):
        return schema  # `true` is a schema too, and has no place for words
    return Raw(msgspec.json.encode({"description": description, **fields}))
