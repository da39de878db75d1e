"""The contract of answers: who reads the answers of a release can read those of the next.

All that the new schema allows must be allowed by the old one: answers may get narrower, never
wider. Where that cannot be shown (unions that fit together only as a whole), it says no: a
gate may ask a person needlessly, and must not let through what breaks.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from volano.core.schema import misfit
from volano.core.verdict import Verdict

Schema = Mapping[str, Any]

SHOWN = 20
MOST = 20_000
_NOTES = frozenset(("title", "description", "default", "examples", "$schema", "format"))
_LOWER = ("minimum", "exclusiveMinimum")
_UPPER = ("maximum", "exclusiveMaximum")
_LENGTHS = {"string": ("minLength", "maxLength"), "array": ("minItems", "maxItems")}


class _TooManyError(Exception):
    """Two schemas have too many forms to be compared."""


def answers(
    old: Schema | None, new: Schema | None, *, ref: str = "it", new_fields: bool = False
) -> Verdict:
    """Say whether answers that fit `new` fit `old` too; `ref` is the release that has the old one.

    With `new_fields` an object may have fields that the old schema closed out: for callers
    who read what they know and leave the rest.
    """
    if old is None:
        return Verdict("pass", f"{ref} promises no form of its answers, so that none is broken")
    if new is None:
        return Verdict("fail", f"answers have no form any more; {ref} promises one", {"breaks": 1})
    try:
        found = list(dict.fromkeys(Comparing(new_fields).breaks(old, new)))
    except _TooManyError:
        why = f"the two schemas have too many forms to be compared ({MOST:,} comparisons)"
        return Verdict("unmeasured", why)
    if not found:
        return Verdict("pass", f"every answer that fits the new schema fits that of {ref}")
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    evidence = {"breaks": len(found), "where": found[:SHOWN]}
    return Verdict("fail", "; ".join(found[:3]) + more, evidence)


class Comparing:
    """One comparison of two schemas; it counts its steps, so that no schema can keep it for ever."""

    def __init__(self, new_fields: bool = False):
        self._new_fields = new_fields
        self._steps = 0

    def breaks(self, old: Schema, new: Schema, where: str = "$") -> list[str]:
        """Return where answers by `new` need not fit `old`, and how."""
        self._steps += 1
        if self._steps > MOST:
            raise _TooManyError
        old, new = _bare(old), _bare(new)
        if not old:
            return []
        values = _values(new)
        if values is not None:
            return [f"{where} can be {_short(one)} now" for one in values if _misfits(old, one)]
        if "anyOf" in new:
            return self._each(old, new, where)
        kinds = _kinds(new)
        if len(kinds) > 1:
            return self._all(old, ({**new, "type": kind} for kind in kinds), where)
        if "anyOf" in old:
            return self._some(old, new, where)
        return list(self._inside(old, new, where))

    def _each(self, old: Schema, new: Schema, where: str) -> list[str]:
        """Of new forms each must fit; what stands beside them may be enough by itself."""
        rest = {word: said for word, said in new.items() if word != "anyOf"}
        if rest and not self.breaks(old, rest, where):
            return []
        outer = {"type": rest["type"]} if "type" in rest else {}
        return self._all(old, ({**outer, **form} for form in new["anyOf"]), where)

    def _all(self, old: Schema, forms: Iterable[Schema], where: str) -> list[str]:
        return [one for form in forms for one in self.breaks(old, form, where)]

    def _some(self, old: Schema, new: Schema, where: str) -> list[str]:
        """Of old forms one must hold it; else what the nearest of them lacks is told."""
        rest = {word: said for word, said in old.items() if word != "anyOf"}
        found = self.breaks(rest, new, where)
        each = [self.breaks(form, new, where) for form in old["anyOf"]]
        return found + min(each, key=len, default=[])

    def _inside(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        """Compare with a new schema of one type, or of none."""
        [kind] = _kinds(new) or [""]
        allowed = _kinds(old)
        if allowed and kind not in allowed and not (kind == "integer" and "number" in allowed):
            yield f"{where} can be {_article(kind)} now, was {_spelt(allowed)}"
            return
        held = _values(old)
        if held is not None:
            yield from _beyond(old, held, kind, where)
            return
        yield from _wider(old, new, kind, where)
        if kind in ("object", ""):
            yield from self._fields(old, new, where)
        if kind in ("array", "") and "items" in old:
            yield from self.breaks(old["items"], new.get("items", {}), f"{where}[]")

    def _fields(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        rest_before = old.get("additionalProperties", True)
        rest_after = new.get("additionalProperties", True)
        wanted = new.get("required", [])
        for name in old.get("required", []):
            if name not in wanted:
                gone = name not in after and rest_after is False
                yield f"{where}.{name} {'is gone' if gone else 'may be missing now'}"
        for name, one in before.items():
            if name in after:
                yield from self.breaks(one, after[name], f"{where}.{name}")
            elif rest_after is not False and _bare(one):
                said = rest_after if isinstance(rest_after, Mapping) else {}
                yield from self.breaks(one, said, f"{where}.{name}")
        for name, one in after.items():
            if name in before:
                continue
            if rest_before is False and not self._new_fields:
                yield f"{where}.{name} is new, and {where} had no other fields"
            elif isinstance(rest_before, Mapping):
                yield from self.breaks(rest_before, one, f"{where}.{name}")
        if rest_before is False and rest_after is not False and not self._new_fields:
            yield f"{where} can have any other field now"
        elif isinstance(rest_before, Mapping) and rest_after is not False:
            said = rest_after if isinstance(rest_after, Mapping) else {}
            yield from self.breaks(rest_before, said, f"{where}.*")


def _beyond(old: Schema, held: list[Any], kind: str, where: str) -> Iterator[str]:
    """Say whether a new schema of a type can leave a list of values. Few types have few values."""
    few: dict[str, list[Any]] = {"null": [None], "boolean": [False, True]}
    if kind in few:
        left = [one for one in few[kind] if _misfits(old, one)]
        yield from (f"{where} can be {_short(one)} now" for one in left)
        return
    now = f"any {kind}" if kind else "anything"
    yield f"{where} was one of {_short(held)}, and can be {now} now"


def _wider(old: Schema, new: Schema, kind: str, where: str) -> Iterator[str]:
    if kind in ("number", "integer", ""):
        yield from _bounds(old, new, where, _LOWER, sign=1)
        yield from _bounds(old, new, where, _UPPER, sign=-1)
    for one, (least, most) in _LENGTHS.items():
        if kind in (one, ""):
            if least in old and new.get(least, 0) < old[least]:
                yield f"{where} can be shorter than {old[least]} now"
            if most in old and new.get(most, float("inf")) > old[most]:
                yield f"{where} can be longer than {old[most]} now"


def _bounds(
    old: Schema, new: Schema, where: str, words: tuple[str, str], *, sign: int
) -> Iterator[str]:
    """Compare a bound: `sign` 1 of the lower end, -1 of the upper one."""
    before, after = _end(old, words, sign), _end(new, words, sign)
    if before is not None and (after is None or after < before):
        side = "less" if sign > 0 else "more"
        yield f"{where} can be {side} than {before[0] * sign} now"


def _end(schema: Schema, words: tuple[str, str], sign: int) -> tuple[float, bool] | None:
    """Return the tighter of a bound and an excluded one: larger is tighter."""
    found = [
        (schema[word] * sign, excluded)
        for word, excluded in zip(words, (False, True), strict=True)
        if word in schema
    ]
    return max(found, default=None)


def _bare(schema: Schema) -> Schema:
    return {word: said for word, said in schema.items() if word not in _NOTES}


def _values(schema: Schema) -> list[Any] | None:
    """Return the values that a schema lists, those that it allows itself; None: it lists none."""
    listed = [schema["const"]] if "const" in schema else schema.get("enum")
    return None if listed is None else [one for one in listed if not _misfits(schema, one)]


def _kinds(schema: Schema) -> list[str]:
    said = schema.get("type", [])
    return [said] if isinstance(said, str) else list(said)


def _misfits(schema: Schema, value: Any) -> bool:
    return misfit(json.dumps(value), schema) is not None


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def _article(kind: str) -> str:
    return kind or "anything"


def _spelt(kinds: list[str]) -> str:
    return " or ".join(kinds)
