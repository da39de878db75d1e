"""The form of the playground: read from an address or a body, and as a sketch."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from volano.core.errors import InvalidError
from volano.core.template.variable import Variable
from volano.evals.playground.grid import FIRST, MOST_ROWS, USUAL_ROWS
from volano.evals.playground.sketch import Sketch, typed
from volano.prompts.prompt import SETTINGS
from volano.web.pages.prompt_words import shown

NUMBERS = ("temperature", "max_tokens", "top_p", "seed")
"""Settings that have a field each; `stop` is a line of its own."""
ROLES = ("system", "developer", "user", "assistant")
_SHORT, _MOST_MESSAGES = 300, 40


class BadFieldError(InvalidError):
    """`{name}` cannot be {value}: {why}."""

    hint = "Correct the field, and run again."


@dataclass(frozen=True)
class Form:
    """What was written into the form, as text. `messages` are None where the prompt's own are meant."""

    prompt: str = ""
    messages: tuple[tuple[str, str], ...] | None = None
    values: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] | None = None
    schema: str | None = None
    models: tuple[str, ...] = ()
    data: str = ""
    split: str = "test"
    rows: int = USUAL_ROWS
    scorer: str = FIRST
    name: str = ""
    why: str = ""
    do: str = ""


def read(fields: Sequence[tuple[str, str]]) -> Form:
    """Read fields in their order: `role` and `said` come in pairs, one for each message."""
    found: dict[str, list[str]] = {}
    for name, value in fields:
        found.setdefault(name, []).append(value.replace("\r\n", "\n"))

    def one(name: str, usual: str = "") -> str:
        return found.get(name, [usual])[-1].strip()[:_SHORT] or usual

    said = list(zip(found.get("role", []), found.get("said", []), strict=False))[:_MOST_MESSAGES]
    settings = {n: one(f"s.{n}") for n in (*NUMBERS, "stop")}
    rows = one("rows")
    return Form(
        prompt=one("prompt"),
        messages=tuple(said) if "said" in found else None,
        values={n[2:]: v[-1] for n, v in found.items() if n.startswith("v.")},
        settings=settings if "said" in found or any(settings.values()) else None,
        schema=found["schema"][-1] if "schema" in found else None,
        models=tuple(dict.fromkeys(one.strip()[:_SHORT] for one in found.get("model", []) if one.strip())),
        data=one("data"), split=one("split", "test"),
        rows=min(max(int(rows), 1), MOST_ROWS) if rows.isdigit() and len(rows) < 6 else USUAL_ROWS,
        scorer=one("scorer", FIRST), name=one("name"), why=found.get("why", [""])[-1].strip()[:2000],
        do=one("do"),
    )  # fmt: skip


def changed(form: Form) -> Form:
    """Return the form with a message more or less, as its buttons `add` and `drop:2` say."""
    what, _, at = form.do.partition(":")
    messages = list(form.messages or ())
    if what == "add":
        messages.append(("user", ""))
    elif what == "drop" and at.isdigit() and int(at[:4]) < len(messages):
        del messages[int(at[:4])]
    return replace(form, messages=tuple(messages))


def filled(form: Form, base: Sketch) -> Form:
    """Return the form with what it leaves to the prompt: messages, settings, schema, defaults."""
    prompt = base.prompt
    settings = {name: shown(value) for name, value in prompt.settings.items() if name != "stop"}
    if prompt.settings.get("stop"):
        settings["stop"] = shown(list(prompt.settings["stop"]))
    schema = json.dumps(prompt.schema, ensure_ascii=False, indent=2) if prompt.schema else ""
    return replace(
        form,
        messages=form.messages
        if form.messages is not None
        else tuple((one["role"], one["content"]) for one in base.messages),
        settings=form.settings if form.settings is not None else settings,
        schema=form.schema if form.schema is not None else schema,
        name=form.name or base.ref.partition("@")[0],
    )


def sketch(form: Form, base: Sketch) -> Sketch:
    """Return what the (filled) form says.

    Raises:
        BadFieldError, UnfitValueError: a field is no value of its kind.
        NoMessageError, BadPromptError, BadTemplateError, BadSchemaError: it is no prompt so.
    """
    messages = [{"role": role, "content": text} for role, text in form.messages or ()]
    made = base.rewritten(messages, _settings(form), _json("schema", form.schema or "") or None)
    values = {}
    for name, variable in made.prompt.variables.items():
        value = typed(variable, form.values.get(name, ""))
        if value == "" and variable.default is not None:
            value = None
        if value is not None and (value != "" or variable.required):
            values[name] = value
    return replace(made, values=values)


def variables(form: Form, base: Sketch) -> list[Variable]:
    """Return the variables of what the form says; of what is no prompt yet, those of its base."""
    messages = [{"role": role, "content": text} for role, text in form.messages or ()]
    try:
        return list(base.rewritten(messages, {}, None).prompt.variables.values())
    except InvalidError:
        return list(base.prompt.variables.values())


def _settings(form: Form) -> dict[str, Any]:
    found = {}
    for name, text in (form.settings or {}).items():
        if not text:
            continue
        value = _json(name, text)
        if name in SETTINGS and not SETTINGS[name][1](value):
            raise BadFieldError(name=name, value=f"`{text[:40]}`", why=f"it is {SETTINGS[name][0]}")
        found[name] = value
    return found


def _json(name: str, text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        shown_ = f"`{text.strip()[:40]}`"
        raise BadFieldError(name=name, value=shown_, why="it is no JSON") from error
