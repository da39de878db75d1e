"""JSON Schema, and fields judged one by one, each by its own scorer."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

from volano.data.extra import needed
from volano.data.sources import loads_strict
from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scorers.json_value import parsed
from volano.evals.scorers.one import One, unanswered
from volano.evals.scorers.pattern import compiled
from volano.evals.scoring import (
    SCORERS,
    BadScorerError,
    Plain,
    Scorer,
    Scores,
    Tools,
    Unmeasured,
    Value,
    make,
)

PATTERN_S = 0.5
LONGEST = 1_000_000
_FENCE = re.compile(r"\A\s*```(?:json)?[ \t]*\n(.*?)\n?```\s*\Z", re.DOTALL)


@SCORERS.register("json_schema")
@dataclass(frozen=True)
class JsonSchema(One):
    """1 when the answer is one JSON value that the schema allows.

    The schema is `schema`, else the row's `schema` (in `expected`); Draft 2020-12 unless its `$schema` names
    another. Formats are not asserted. `$ref` leads within the schema only: nothing is fetched. `fenced` lets the answer
    stand in one Markdown code fence. A `pattern` has half a second. Values that are too deeply nested
    to be looked at are unmeasured.
    """

    name: ClassVar[str] = "json_schema"

    schema: Mapping[str, Any] | None = None
    fenced: bool = True

    def __post_init__(self) -> None:
        if self.schema is not None:
            _validator(self.name, _key(self.name, self.schema))

    def of(self, case: Case, answered: Answered, tools: Tools) -> Value | None:
        """Return whether it is allowed; unmeasured where there is no schema."""
        schema = self.schema if self.schema is not None else case.expected.get("schema")
        if schema is None:
            return Unmeasured("there is no schema")
        try:
            checker = _validator(self.name, _key(self.name, schema))
        except BadScorerError as error:
            return Unmeasured(f"the row's schema is wrong: {error.facts['why']}"[:300])
        if len(answered.answer) > LONGEST:
            return Unmeasured("the answer is too long to be checked")
        fence = _FENCE.match(answered.answer) if self.fenced else None
        try:
            value = loads_strict(fence[1] if fence else answered.answer)
        except (ValueError, RecursionError):
            return 0.0
        try:
            return float(checker.is_valid(value))
        except RecursionError:
            return Unmeasured("the answer is nested too deeply")
        except TimeoutError:
            return Unmeasured(f"a pattern of the schema took longer than {PATTERN_S:g} s")
        except Exception as error:  # noqa: BLE001  a reference that leads nowhere has no class of its own
            return Unmeasured(f"the schema cannot be followed: {error}"[:300])


def _key(scorer: str, schema: Any) -> str:
    try:
        return json.dumps(schema, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        raise BadScorerError(name=scorer, why="`schema` is a JSON object") from None


@lru_cache(maxsize=64)
def _validator(scorer: str, text: str) -> Any:
    jsonschema = needed("jsonschema", by="Checking JSON schemas", extra="evals")
    empty = needed("referencing.jsonschema", by="Checking JSON schemas", extra="evals")
    schema = json.loads(text)
    if not isinstance(schema, dict | bool):
        raise BadScorerError(name=scorer, why="`schema` is a JSON object")
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise BadScorerError(name=scorer, why=f"the schema is wrong: {error.message}") from None
    except RecursionError:
        raise BadScorerError(name=scorer, why="the schema is nested too deeply") from None
    timed = jsonschema.validators.extend(kind, {"pattern": _pattern})
    return timed(schema, registry=empty.EMPTY_REGISTRY)


def _pattern(validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[Any]:
    """Check `pattern` in limited time; raises TimeoutError."""
    if validator.is_type(value, "string"):
        found = compiled("json_schema", pattern).search(value, timeout=PATTERN_S)
        if found is None:
            error = needed("jsonschema", by="Checking JSON schemas", extra="evals").ValidationError
            yield error(f"does not match {pattern!r}")


@SCORERS.register("fields")
@dataclass(frozen=True)
class Fields(Plain):
    """Each field of the label, judged by a scorer of its own: `fields/NAME`.

        - fields:
            scorers: {amount: {numeric: {tolerance: 0.01}}, reason: token_f1}
            rest: exact_match

    `rest` judges the fields that are not named; `rest: none` leaves them out. A field that is no text is
    judged as it would be written. A field that the answer lacks, or an answer that is no JSON object, scores 0.
    Only scorers of one share can be used.
    """

    scorers: Mapping[str, Any] = field(default_factory=dict)
    rest: Any = "exact_match"

    def __post_init__(self) -> None:
        if not isinstance(self.scorers, Mapping):
            raise BadScorerError(name="fields", why="`scorers` are names of fields with scorers")
        made = {name: self._made(spec) for name, spec in self.scorers.items()}
        object.__setattr__(self, "_made_of", made)
        rest = None if self.rest in (None, "none") else self._made(self.rest)
        object.__setattr__(self, "_made_rest", rest)

    @staticmethod
    def _made(spec: Any) -> Scorer:
        made = make(spec)[1]
        if made.unit != "share" or not made.bigger:
            raise BadScorerError(
                name="fields", why=f"`{spec}` gives no share of which more is better"
            )
        return made

    def score(self, case: Case, answered: Answered, tools: Tools) -> Scores:
        """Return the score of each field; nothing where labels are texts."""
        if isinstance(case.label, str):
            return {}
        said = parsed(answered.answer) or {}
        made: Mapping[str, Scorer] = self.__dict__["_made_of"]
        found: dict[str, Value] = {}
        for name, wanted in case.label.items():
            if judge := made.get(name, self.__dict__["_made_rest"]):
                found[f"fields/{name}"] = self._one(
                    judge, case, answered, tools, said, name, wanted
                )
        return found

    @staticmethod
    def _one(
        judge: Scorer, case: Case, answered: Answered, tools: Tools,
        said: Mapping[str, Any], name: str, wanted: Any,
    ) -> Value:  # fmt: skip
        if why := unanswered(answered):
            return why
        if name not in said:
            return 0.0
        part = case.but(label=_text(wanted), expected={})
        scores = judge.score(part, answered.but(answer=_text(said[name])), tools)
        return next(iter(scores.values()), Unmeasured("its scorer has nothing to say on texts"))


def _text(value: Any) -> str:
    return (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    )
