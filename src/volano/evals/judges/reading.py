"""Reading a judge's YAML: every mistake is said with the part that it is in."""

import math
import re
from collections.abc import Mapping
from typing import Any, cast

import yaml

from volano.core.text import nfc
from volano.evals.judges.errors import BadJudgeError
from volano.evals.judges.judge import TRUSTED, YES_NO, Criterion, Judge, Kind, Rule

MAX_BYTES = 64 * 1024
MOST_CRITERIA, MOST_LEVELS, MOST_JUDGES = 12, 7, 9
SETTINGS: Mapping[str, Any] = {"temperature": 0, "max_tokens": 400}
KNOWN = {
    "rubric": {"kind", "criteria", "model", "settings", "language", "trusted"},
    "pairwise": {"kind", "criteria", "model", "settings", "language", "trusted"},
    "panel": {"kind", "judges", "rule", "trusted"},
}
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


class _Words(yaml.SafeLoader):
    """YAML in which `yes` and `no` are words, as they are in a scale."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own form
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read(text: str) -> Judge:
    """Return the judge that a YAML document describes.

    Raises:
        BadJudgeError: no YAML, an unknown word, a scale that is none; the message names the part.
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise BadJudgeError(part="the file", why=f"it has more than {MAX_BYTES} bytes")
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise BadJudgeError(part="the file", why="it has an alias (*)")
        raw = yaml.load(text, Loader=_Words)  # noqa: S506 - a safe loader of ours
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadJudgeError(part="the file", why=str(error).replace("\n", " ")[:200]) from error
    return judge_of(raw)


def judge_of(raw: Any) -> Judge:
    """Return the judge that a mapping describes.

    Raises:
        BadJudgeError: as in `read`.
    """
    if not isinstance(raw, Mapping):
        raise BadJudgeError(part="the file", why="it is not names with values")
    kind = raw.get("kind", "rubric")
    if not isinstance(kind, str) or kind not in KNOWN:
        raise BadJudgeError(part="kind", why=f"it is rubric, pairwise or panel, not {kind!r}")
    if strange := [str(key) for key in raw if key not in KNOWN[kind]]:
        known = ", ".join(sorted(KNOWN[kind]))
        raise BadJudgeError(part=strange[0], why=f"a {kind} has no such part (it has: {known})")
    trusted = _number(raw.get("trusted", TRUSTED), "trusted")
    if kind == "panel":
        return Judge("panel", judges=_judges(raw), rule=_rule(raw), trusted=trusted)
    return Judge(
        cast("Kind", kind), _criteria(raw.get("criteria"), kind), _text(raw.get("model"), "model"),
        "", _settings(raw.get("settings", {})), _text(raw.get("language", "en"), "language"),
        trusted=trusted,
    )  # fmt: skip


def _judges(raw: Mapping[str, Any]) -> tuple[str, ...]:
    found = raw.get("judges")
    if not isinstance(found, list) or not 2 <= len(found) <= MOST_JUDGES:
        raise BadJudgeError(part="judges", why=f"a panel has 2 to {MOST_JUDGES} judges")
    names = tuple(_text(one, "judges") for one in found)
    if len(set(names)) < len(names):
        raise BadJudgeError(part="judges", why="each is named once")
    return names


def _rule(raw: Mapping[str, Any]) -> Rule:
    rule = raw.get("rule", "majority")
    if rule not in ("majority", "mean"):
        raise BadJudgeError(part="rule", why="it is majority or mean")
    return cast("Rule", rule)


def _criteria(raw: Any, kind: str) -> tuple[Criterion, ...]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_CRITERIA:
        raise BadJudgeError(part="criteria", why=f"a judge has 1 to {MOST_CRITERIA} of them")
    found = tuple(_criterion(one, f"criteria[{at}]", kind) for at, one in enumerate(raw, 1))
    if len({one.name for one in found}) < len(found):
        raise BadJudgeError(part="criteria", why="two have the same name")
    return found


def _criterion(raw: Any, part: str, kind: str) -> Criterion:
    known = {"name", "question"} if kind == "pairwise" else {"name", "question", "scale"}
    if not isinstance(raw, Mapping) or not set(raw) <= known:
        raise BadJudgeError(part=part, why=f"it has {', '.join(sorted(known))} and nothing else")
    name = _text(raw.get("name"), f"{part}.name")
    if not _NAME.fullmatch(name):
        raise BadJudgeError(part=f"{part}.name", why="it is small letters, digits, - and _")
    question = _text(raw.get("question"), f"{part}.question")
    if kind == "pairwise":
        return Criterion(name, question, {})
    return Criterion(name, question, _scale(raw.get("scale", "yes/no"), f"{part}.scale"))


def _scale(raw: Any, part: str) -> dict[str, float]:
    """Read `yes/no`, a list of words from worst to best, or words with their worth."""
    if raw == "yes/no":
        return dict(YES_NO)
    if isinstance(raw, list) and 2 <= len(raw) <= MOST_LEVELS:
        step = 1 / (len(raw) - 1)
        raw = {word: at * step for at, word in enumerate(raw)}
    if not isinstance(raw, Mapping) or not 2 <= len(raw) <= MOST_LEVELS:
        raise BadJudgeError(part=part, why=f"it is yes/no, or 2 to {MOST_LEVELS} named levels")
    found = {_text(word, part).casefold(): _number(worth, part) for word, worth in raw.items()}
    if len(found) < len(raw) or len(set(found.values())) < 2:
        raise BadJudgeError(part=part, why="its levels have different names, and not all one worth")
    if all(word.replace(".", "").isdigit() for word in found):
        raise BadJudgeError(part=part, why="its levels are words: a model guesses numbers badly")
    return found


def _settings(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, Mapping) or not all(isinstance(key, str) for key in raw):
        raise BadJudgeError(part="settings", why="it is names with values, such as temperature: 0")
    for name, value in raw.items():
        plain = isinstance(value, str | int | float | bool) and value not in (math.inf, -math.inf)
        if not plain or name in ("model", "messages", "stream"):
            raise BadJudgeError(part=f"settings.{name}", why="it cannot be set")
    return {**SETTINGS, **raw}


def _number(value: Any, part: str) -> float:
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not 0 <= found <= 1:
        raise BadJudgeError(part=part, why=f"a number from 0 to 1 stands here, not {value!r}"[:120])
    return found


def _text(value: Any, part: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadJudgeError(part=part, why="a text stands here")
    return nfc(value).strip()
