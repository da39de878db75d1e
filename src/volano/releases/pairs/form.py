"""The form of an answer: JSON, by a schema or not, where the request asks for it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from volano.core.errors import VolanoError
from volano.data.sources import loads_strict
from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scorers.schema import JsonSchema
from volano.evals.scoring import Tools, Unmeasured

LONGEST = 1_000_000
"""Characters of an answer that are looked at."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a request asks answers to be: one JSON value; by a schema, where `schema` says one."""

    schema: str = ""


def asked_form(request: bytes) -> Form | None:
    """Return the form that a request asks for (Chat Completions, Responses); None: none."""
    try:
        body = json.loads(request)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, Mapping):
        return None
    text = body.get("text")
    said = body.get("response_format") or (
        text.get("format") if isinstance(text, Mapping) else None
    )
    if not isinstance(said, Mapping) or said.get("type") not in ("json_object", "json_schema"):
        return None
    inner = said.get("json_schema")
    schema = inner.get("schema") if isinstance(inner, Mapping) else said.get("schema")
    return Form(json.dumps(schema, sort_keys=True) if isinstance(schema, Mapping) else "")


def keeps(form: Form, answer: str) -> bool | None:
    """Say whether an answer keeps the form; None where that cannot be told."""
    if len(answer) > LONGEST:
        return None
    if not form.schema:
        return is_json(answer)
    checker = _checker(form.schema)
    if checker is None:
        return is_json(answer)
    found = checker.of(Case("", "", ""), Answered("", answer), Tools())
    return None if found is None or isinstance(found, Unmeasured) else bool(found)


def is_json(answer: str) -> bool:
    """Say whether an answer is one JSON value."""
    try:
        loads_strict(answer)
    except (ValueError, RecursionError):
        return False
    return True


def looks_formed(answer: str) -> bool:
    """Say whether an answer is a JSON object or list, whether or not that was asked for."""
    return answer.lstrip()[:1] in ("{", "[") and len(answer) <= LONGEST and is_json(answer)


@lru_cache(maxsize=64)
def _checker(schema: str) -> JsonSchema | None:
    """Return what checks a schema; None for one that is wrong, or where schemas are not installed."""
    try:
        return JsonSchema(json.loads(schema))
    except (VolanoError, ValueError, RecursionError):
        return None
