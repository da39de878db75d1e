"""The plan language: steps in one line, or as a list in YAML. Both say the same.

    5%, 25%, 100%
    shadow 5% 300 pairs judge helpful 2 EUR, 1% 10m..2h, 10% cohort 200 units, 100% keep 24h
    switch verify 20 keep 24h            (blue-green: warm, verified, all at once)
    rolling                              (our own engines, one after another)

    steps:
      - shadow: 5%
        pairs: 300
        judge: helpful
        budget: 2 EUR
      - canary: 1%
        at_least: 10m
        at_most: 2h
        late: back
      - 10% cohort 200 units
      - switch
        verify: 20
        keep: 24h

A time alone is how long the step takes at least; `10m..2h` says also at most. What then
happens is `hold` (a person decides), `back`, or `advance`.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from volano.access.errors import BadDurationError
from volano.access.moment import duration_us
from volano.core.text import nfc
from volano.releases.errors import InvalidPlanError
from volano.releases.stage import LATE, WHOLE, Stage, percent

MOST = 50
"""Steps that a plan may have."""

_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%")
_NUMBER = re.compile(r"[0-9]{1,9}")
_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_TIME = re.compile(r"[0-9]+[smhdw]|0")
_ALIASES = {"blue-green": "switch"}
_WORDS = (
    "shadow, switch, rolling, cohort, units, pairs, judge, verify, keep, late, a time, a budget"
)
_FIELDS = (
    "pairs", "judge", "units", "verify", "cohort", "budget", "at_least", "at_most", "late", "keep",
)  # fmt: skip


def stages(said: str | Sequence[Any]) -> tuple[Stage, ...]:
    """Return the steps of one line, or of a list.

    Raises:
        InvalidPlanError: what they say is no step.
    """
    parts = said.split(",") if isinstance(said, str) else said
    _need(isinstance(parts, list | tuple) and len(parts) > 0, "it has no steps")
    _need(len(parts) <= MOST, f"it has more than {MOST} steps")
    line = said if isinstance(said, str) else ""
    return tuple(stage(part, line) for part in parts)


def stage(said: Any, line: str = "") -> Stage:
    """Return one step: words, an object, or millionths of the users.

    Raises:
        InvalidPlanError: it is no step.
    """
    if isinstance(said, str):
        return _spoken(said, line or said)
    if isinstance(said, Mapping):
        return _kept(said) if "share" in said else _written(said)
    if isinstance(said, int) and not isinstance(said, bool):
        return Stage(said)
    raise InvalidPlanError(why=f"`{str(said)[:40]}` is no step")


def _spoken(said: str, text: str) -> Stage:
    """Read `shadow 5% 300 pairs 2 EUR`: what the step is, then what it takes, in any order."""
    words = re.sub(r"(?<=[0-9]) %", "%", said).split()
    _need(bool(words), f"`{said.strip()[:40]}` in `{text[:80]}` is not a percentage")
    kind = _ALIASES.get(words[0], words[0])
    values: dict[str, Any] = {}
    if kind in ("switch", "rolling"):
        values |= {"kind": kind, "share": WHOLE}
        words = words[1:]
    elif kind in ("shadow", "canary"):
        _need(len(words) > 1, f"`{said.strip()[:80]}` says no percentage")
        values |= _share(kind, words[1], text)
        words = words[2:]
    else:
        values |= _share("canary", words[0], text)
        words = words[1:]
    while words:
        taken, found = _next(words, text)
        twice = set(found) & set(values)
        _need(not twice, f"`{said.strip()[:80]}` says {', '.join(sorted(twice))} twice")
        values |= found
        words = words[taken:]
    return Stage(**values)


def _next(words: Sequence[str], text: str) -> tuple[int, dict[str, Any]]:
    """Return how many words say something, and what they say."""
    first, second = words[0], words[1] if len(words) > 1 else ""
    if first == "cohort":
        return 1, {"cohort": True}
    if first == "keep":
        return 2, {"keep_s": _seconds(second, text)}
    if first == "judge":
        return 2, {"judge": _judge(second)}
    if first == "verify":
        if not _NUMBER.fullmatch(second):
            raise InvalidPlanError(why=f"`verify {second[:40]}` says no number of requests")
        return 2, {"verify": int(second)}
    if first == "late":
        return 2, {"late": _late(second)}
    if second in ("units", "pairs") and _NUMBER.fullmatch(first):
        return 2, {second: int(first)}
    if _CURRENCY.fullmatch(second) and _AMOUNT.fullmatch(first):
        return 2, _budget(f"{first} {second}")
    low, dots, high = first.partition("..")
    if _TIME.fullmatch(low) or (dots and not low):
        times = {"at_least_s": _seconds(low, text)} if low else {}
        return 1, times | ({"at_most_s": _seconds(high, text)} if dots else {})
    raise InvalidPlanError(why=f"`{first[:40]}` in `{text[:80]}` says nothing of a step ({_WORDS})")


def _written(said: Mapping[str, Any]) -> Stage:
    """Read an object: `{canary: 5%, at_least: 10m}`, `{switch: null, keep: 24h}`."""
    named = {_ALIASES.get(str(key), str(key)): value for key, value in said.items()}
    kinds = [key for key in ("canary", "shadow", "switch", "rolling") if key in named]
    _need(len(kinds) == 1, "a step is one of canary, shadow, switch, rolling")
    kind = kinds[0]
    strange = sorted(set(named) - set(_FIELDS) - {kind})
    _need(not strange, f"a step has no {', '.join(strange)} (known: {', '.join(_FIELDS)})")
    values: dict[str, Any] = {"kind": kind, "share": WHOLE}
    if kind in ("canary", "shadow"):
        values = _share(kind, _text(named[kind]), _text(named[kind]))
    for key in ("pairs", "units", "verify", "cohort"):
        if key in named:
            values[key] = named[key]
    for key in ("at_least", "at_most", "keep"):
        if key in named:
            values[f"{key}_s"] = _seconds(_text(named[key]), f"{key}: {named[key]}")
    if "judge" in named:
        values["judge"] = _judge(_text(named["judge"]))
    if "late" in named:
        values["late"] = _late(_text(named["late"]))
    if "budget" in named:
        values |= _budget(_text(named["budget"]))
    return Stage(**values)


def _kept(said: Mapping[str, Any]) -> Stage:
    """Read what `Stage.to_dict` gave."""
    strange = sorted(str(key) for key in set(said) - set(Stage.__dataclass_fields__))
    _need(not strange, f"a step has no {', '.join(strange)}")
    return Stage(**said)


def _share(kind: str, word: str, text: str) -> dict[str, Any]:
    match = _PERCENT.fullmatch(word.strip())
    _need(match is not None, f"`{word.strip()[:40]}` in `{text[:80]}` is not a percentage")
    assert match is not None
    millionths = Decimal(match[1]) * 10_000
    _need(millionths == int(millionths), f"`{word}` is finer than 0.0001 %")
    if kind == "shadow":
        return {"kind": kind, "share": 0, "mirror": int(millionths)}
    share = int(millionths)
    _need(share > 0, "a step of 0 % sends nothing to the candidate")
    _need(share <= WHOLE, f"{percent(share)} is more than everything")
    return {"share": share}


def _seconds(word: str, text: str) -> float:
    try:
        return duration_us(word) / 1e6
    except BadDurationError:
        raise InvalidPlanError(
            why=f"`{word[:40]}` in `{text[:80]}` is no time (90s, 10m, 2h)"
        ) from None


def _judge(word: str) -> str:
    _need(bool(word), "after `judge` comes a name, such as helpful")
    return nfc(word)


def _late(word: str) -> str:
    _need(word in LATE, f"after `late` comes one of {', '.join(LATE)}")
    return word


def _budget(text: str) -> dict[str, Any]:
    amount, _, currency = text.strip().partition(" ")
    good = _AMOUNT.fullmatch(amount) and _CURRENCY.fullmatch(currency.strip())
    _need(bool(good), f"`{text[:40]}` is no budget, such as `2 EUR`")
    return {"budget_nano": int(Decimal(amount) * 10**9), "currency": currency.strip()}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise InvalidPlanError(why=why)
