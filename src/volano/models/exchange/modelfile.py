"""Modelfiles of Ollama: how a model wants to be asked there, taken over as far as it is understood.

TEMPLATE becomes the chat template where the weights have none; SYSTEM, MESSAGE and those
PARAMETERs that a prompt has are kept for the model's prompt. Whatever is not taken is told,
with what to do about it.

Source: github.com/ollama/ollama, docs/modelfile.md, `parser/parser.go`.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from volano.models.checks.gguf import check_gguf
from volano.models.checks.templates import check_templates
from volano.models.exchange import worded
from volano.models.exchange.found import Found
from volano.models.exchange.go_template import NotUnderstoodError, to_jinja
from volano.models.exchange.ollama import MODELFILE
from volano.models.kinds import GGUF
from volano.models.wording import ASKED, META

TEMPLATE_FILE = "chat_template.jinja"
_QUOTES = '"""'
_ROLES = ("system", "user", "assistant")
MOST_SHOWN = 10

OTHER_TEMPLATE = (
    "The TEMPLATE of the Modelfile is not used: the weights have a chat template of their own, which is. "
    "Compare some answers with Ollama's."
)
UNREAD_TEMPLATE = (
    "The TEMPLATE of the Modelfile is not used: {reason} {instead} "
    "Write it as a chat template (Jinja) into the weights' own files, and import those."
)
WRITTEN = "The TEMPLATE of the Modelfile is the model's chat template now; of tools and thinking it says nothing."
KEPT = (
    "{words} of the Modelfile {are} kept for its prompt: see `volano model wording {name} --json`, "
    "and say the same with `volano prompt save`."
)
UNKEPT = (
    "PARAMETER {names} of the Modelfile {are} not taken: no prompt says that. Callers may send what the "
    "engine knows with each request; `num_ctx` is the model's own context."
)
NO_ADAPTER = (
    "The ADAPTER of the Modelfile is not taken: answers are those of the base alone. Import its folder "
    "of PEFT with `--base {name}`."
)
LEFT = "Lines of the Modelfile that say {words} were not understood and are not taken."


@dataclass(slots=True)
class Modelfile:
    """What a Modelfile says. Of words that stand once, the last one counts."""

    template: str | None = None
    system: str | None = None
    adapter: bool = False
    license: str | None = None
    parameters: dict[str, list[str]] = field(default_factory=dict)
    messages: list[dict[str, str]] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> "Modelfile":
        """Read the text of one; what is no line of it is in `strange`."""
        made = cls()
        for word, said in _lines(text):
            made._take(word.lower(), said)
        return made

    def _take(self, word: str, said: str) -> None:
        name, _, value = said.strip().partition(" ")
        if word in ("template", "system", "license"):
            setattr(self, word, _bare(said))
        elif word == "adapter":
            self.adapter = True
        elif word == "parameter" and value.strip():
            self.parameters.setdefault(name.lower(), []).append(_bare(value))
        elif word == "message" and name.lower() in _ROLES:
            self.messages.append({"role": name.lower(), "content": _bare(value)})
        elif word not in ("from", "requires"):
            self.strange.append(word[:40])


def take_over(path: Path, found: Found, name: str) -> None:
    """Take over what a Modelfile says of the model that was found, and note what is not.

    One that volano wrote beside a GGUF whose words are known says nothing new.
    """
    if META in found.meta:
        return
    said = Modelfile.of(path.read_text(encoding="utf-8", errors="replace"))
    if said.template is not None:
        _template(said.template, path.parent, found)
    settings, unkept = _settings(said.parameters)
    asked: dict[str, Any] = {"settings": settings} if settings else {}
    asked |= {"system": said.system} if said.system else {}
    asked |= {"messages": said.messages} if said.messages else {}
    if asked:
        found.meta[ASKED] = asked
        kept = {"system": "SYSTEM", "messages": "MESSAGE", "settings": "PARAMETER"}
        words = [kept[key] for key in kept if key in asked]
        are = "is" if len(words) == 1 else "are"
        found.notes.append(KEPT.format(words=", ".join(words), are=are, name=name))
    if unkept:
        are = "is" if len(unkept) == 1 else "are"
        found.notes.append(UNKEPT.format(names=", ".join(unkept[:MOST_SHOWN]), are=are))
    if said.adapter:
        found.notes.append(NO_ADAPTER.format(name=name))
    if said.strange:
        found.notes.append(LEFT.format(words=", ".join(dict.fromkeys(said.strange[:MOST_SHOWN]))))
    if said.license and said.license.strip():
        first = said.license.strip().splitlines()[0]
        found.meta.setdefault("source", {}).setdefault("license", first[:100])


def _template(template: str, folder: Path, found: Found) -> None:
    """Give the model the chat template that the Modelfile says, where it has none."""
    has = bool(found.meta.get("chat_template"))
    instead = "The weights' own chat template is." if has else "Engines take one of their own."
    try:
        said = to_jinja(template)
    except NotUnderstoodError as error:
        found.notes.append(UNREAD_TEMPLATE.format(reason=error.message, instead=instead))
        return
    if has:
        found.notes.append(OTHER_TEMPLATE)
        return
    found.notes += check_templates({"TEMPLATE": said}, MODELFILE)
    if GGUF in found.files:
        worded.write_template(found.files[GGUF], check_gguf(found.files[GGUF], numbers=False), said)
    if "config.json" in found.files:
        (folder / TEMPLATE_FILE).write_text(said, encoding="utf-8")
        found.files[TEMPLATE_FILE] = folder / TEMPLATE_FILE
    found.meta["chat_template"] = True
    found.notes.append(WRITTEN)


def _settings(parameters: Mapping[str, list[str]]) -> tuple[dict[str, Any], list[str]]:
    """Return what a prompt can say of them, and the names of the others."""
    settings: dict[str, Any] = {}
    unkept = []
    for name, values in parameters.items():
        value: Any = None
        if name == "stop":
            value = values
        elif name in ("temperature", "top_p"):
            value = _number(values[-1], 2.0 if name == "temperature" else 1.0)
        elif name in ("seed", "num_predict"):
            number = values[-1].lstrip("-")
            value = int(values[-1]) if number.isdecimal() and len(number) < 16 else None
            value = None if name == "num_predict" and (value or 0) < 1 else value
        if value is None:
            unkept.append(name[:40])
        else:
            settings["max_tokens" if name == "num_predict" else name] = value
    return settings, unkept


def _number(text: str, most: float) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= most else None


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Give each word with what it says, quotes included; a text in three quotes may have lines of its own."""
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if text[at:end].count(_QUOTES) == 1:
            close = text.find(_QUOTES, text.index(_QUOTES, at) + len(_QUOTES))
            end = len(text) if close < 0 else close + len(_QUOTES)
        word, _, said = text[at:end].strip(" \t\r\n").partition(" ")
        if word and not word.startswith("#"):
            yield word, said
        at = end + 1 if text[end : end + 1] == "\n" else end


def _bare(text: str) -> str:
    """Return what is said within quotes, as it is; without them, without space around it."""
    text = text.strip(" \t\r\n")
    for quotes in (_QUOTES, '"'):
        if len(text) >= 2 * len(quotes) and text.startswith(quotes) and text.endswith(quotes):
            return text[len(quotes) : -len(quotes)]
    return text
