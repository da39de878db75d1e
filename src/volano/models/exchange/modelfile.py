"""Modelfiles of Ollama: what one says of how its model is asked there.

Read as Ollama reads them: a text that begins with quotes goes on, over lines, until a line ends
with the same quotes; quotes anywhere else are words like others.

Source: github.com/ollama/ollama, docs/modelfile.md, `parser/parser.go`.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from volano.models.wording import MOST_CHARS

MODELFILE = "Modelfile"
ASKED_BY = {"system": "SYSTEM", "messages": "MESSAGE", "settings": "PARAMETER"}
"""What a model is asked with, and the words of a Modelfile that say it."""
MOST_STOPS, MOST_MESSAGES = 64, 100
_QUOTES = ('"""', '"')
_ROLES = ("system", "user", "assistant")
WORDS = (
    "from", "license", "template", "system", "adapter", "renderer", "parser", "parameter",
    "message", "requires",
)  # fmt: skip
"""All that a Modelfile may say."""
_NAMED = ("parameter", "message")
"""Words that have a name before their text."""
_SPACE = " \t\r\n"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_HEAD = re.compile(r"[ \t]*([^ \t\r\n]+)[ \t]*(.*)", re.DOTALL)
_WHOLE = re.compile(r"-?[0-9]{1,15}")


def text_of(path: Path) -> str:
    """Return a file's text, its ends of lines as they stand."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return file.read()


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
        for word, name, raw in lines(text):
            if raw is None:
                made.strange.append(word)
            else:
                made.add(word, name, _bare(raw))
        return made

    @classmethod
    def read(cls, path: Path) -> "Modelfile":
        """Read the file of one; ends of lines within texts stay as they are."""
        return cls.of(text_of(path))

    def add(self, word: str, name: str, text: str) -> None:
        """Take what a word says; `name` is the PARAMETER that is meant, or the role of a MESSAGE."""
        name = name.lower()
        if word in ("template", "system", "license"):
            setattr(self, word, text)
        elif word == "adapter":
            self.adapter = True
        elif word == "parameter" and name and text:
            self.parameters.setdefault(name, []).append(text)
        elif word == "message" and name in _ROLES:
            self.messages.append({"role": name, "content": text})
        elif word not in ("from", "requires"):
            self.strange.append(word)

    def asked(self) -> tuple[dict[str, Any], list[str]]:
        """Return what a prompt can say of it, and the words that are too large for one."""
        settings, _ = self.settings()
        found: dict[str, Any] = {}
        large = []
        said = {"system": self.system, "messages": self.messages, "settings": settings}
        sizes = {
            "system": len(self.system or ""),
            "messages": sum(len(one["content"]) for one in self.messages),
        }
        for name, value in said.items():
            over = sizes.get(name, 0) > MOST_CHARS
            if over or (name == "messages" and len(self.messages) > MOST_MESSAGES):
                large.append(ASKED_BY[name])
            elif value:
                found[name] = value
        return found, [*large, *(["PARAMETER stop"] if self._stops_too_much() else [])]

    def settings(self) -> tuple[dict[str, Any], list[str]]:
        """Return the settings that a prompt can have, and the names of the other parameters."""
        found: dict[str, Any] = {}
        others = []
        for name, values in self.parameters.items():
            if name == "stop" and self._stops_too_much():
                continue
            value = _setting(name, values)
            if value is None:
                others.append(name[:40])
            else:
                found["max_tokens" if name == "num_predict" else name] = value
        return found, others

    def _stops_too_much(self) -> bool:
        stops = self.parameters.get("stop", ())
        return len(stops) > MOST_STOPS or sum(map(len, stops)) > MOST_CHARS


def again(text: str, weights: str) -> str:
    """Return a Modelfile's text for weights that lie elsewhere: what it says of other files is left out."""
    kept = [f"FROM ./{weights}"]
    for word, name, raw in lines(text):
        right = raw is not None and _is_right(word, name, _bare(raw))
        if right and word not in ("from", "adapter"):
            kept.append(" ".join(filter(None, (word.upper(), name, raw))))
    return "\n".join(kept) + "\n"


def _is_right(word: str, name: str, text: str) -> bool:
    """Whether Ollama takes such a line: it refuses a Modelfile for one that it does not."""
    if word == "parameter":
        return bool(name and text)
    return name.lower() in _ROLES if word == "message" else word in WORDS


def line(word: str, name: str, text: str) -> str | None:
    """Return the line that says a text so that it is read again as it is; None where none does."""
    if not _is_right(word, name, text):
        return None
    made = f'{word.upper()} {name}{" " if name else ""}"""{text}"""'
    try:
        made.encode()
    except UnicodeEncodeError:
        return None
    told = [*islice(lines(made), 2)]
    right = len(told) == 1 and told[0][2] is not None and _bare(told[0][2]) == text
    return made if right and told[0][1] == name else None


def lines(text: str) -> Iterator[tuple[str, str, str | None]]:
    """Give each word, the name beside it, and its text with its quotes; None where these never close."""
    given = _LINE.findall(text)
    open_ended: set[str] = set()
    at = 0
    while at < len(given):
        head = _HEAD.match(given[at])
        at += 1
        if head is None or head[1].startswith("#"):
            continue
        word, name, raw = head[1].lower(), "", head[2]
        if word in _NAMED and (more := _HEAD.match(raw)) is not None:
            name, raw = more[1], more[2]
        quotes = next((one for one in _QUOTES if raw.startswith(one)), "")
        end = at
        if quotes and not _closes(raw.strip(_SPACE), quotes, whole=True):
            end = 0 if quotes in open_ended else _end(given, at, quotes)
        if not end:
            open_ended.add(quotes)
            yield word[:40], name, None
            continue
        yield word[:40], name, "".join([raw, *given[at:end]]).strip(_SPACE)
        at = end


def _end(given: Sequence[str], at: int, quotes: str) -> int:
    """Return the line after the one that closes a text; 0 where none does."""
    ends = (n for n in range(at, len(given)) if _closes(given[n].rstrip(_SPACE), quotes))
    return next(ends, -1) + 1


def _closes(text: str, quotes: str, *, whole: bool = False) -> bool:
    return text.endswith(quotes) and (not whole or len(text) >= 2 * len(quotes))


def _bare(raw: str) -> str:
    """Return what is said within quotes, as it is; without them, without space around it."""
    for quotes in _QUOTES:
        if raw.startswith(quotes) and _closes(raw, quotes, whole=True):
            return raw[len(quotes) : -len(quotes)]
    return raw


def _setting(name: str, values: list[str]) -> Any:
    """Return a parameter as a prompt has it; None where no prompt has it, or not so."""
    last = values[-1]
    if name == "stop":
        return values
    if name in ("temperature", "top_p"):
        return _number(last, 2.0 if name == "temperature" else 1.0)
    if name not in ("seed", "num_predict") or not _WHOLE.fullmatch(last):
        return None
    return int(last) if name == "seed" or int(last) > 0 else None


def _number(text: str, most: float) -> float | None:
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= most else None
