"""Wording: from messages to the tokens that the model was trained on.

A model made here was trained on the last message's content as it stands, as its
GGUF export says too; an imported one brings a chat template, which is a program
from a stranger: it runs in Jinja's sandbox, and what it writes is bounded.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from volano.adapters.engines.desk.asked import Asked, BadRequestError

MAX_TEMPLATE = 256 << 10
"""Characters of a chat template; the largest known have some tens of thousands."""
MAX_TEXT = 8 << 20
"""Characters that a template may write."""


class Wording:
    """The words of one model folder: tokenizer, template, marks of beginning and end."""

    def __init__(self, folder: Path):
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        config = _json(folder / "config.json")
        manners = _json(folder / "tokenizer_config.json")
        self.begin = self._id(config, manners, "bos")
        self.ends = self._ends(config, manners, _json(folder / "generation_config.json"))
        adds = manners.get("add_bos_token")
        usual = self.begin is not None and self.begin not in self.ends
        self._adds_begin = usual if adds is None else bool(adds) and self.begin is not None
        self._facts = {
            f"{name}_token": _text(manners.get(f"{name}_token")) for name in ("bos", "eos", "pad")
        }
        self._template = _template(folder, manners)

    def tokens(self, asked: Asked) -> list[int]:
        """Return the prompt's tokens.

        Raises:
            BadRequestError: the template refuses these messages, or a token does not exist.
        """
        if isinstance(asked.prompt, tuple):
            if not all(0 <= one < self.tokenizer.get_vocab_size() for one in asked.prompt):
                raise BadRequestError(reason="Failed to parse prompt: there is no such token")
            return list(asked.prompt)
        text = self.text(asked.messages) if asked.messages is not None else asked.prompt
        return self.encode(text)

    def text(self, messages: Sequence[dict[str, Any]]) -> str:
        """Return the prompt as text."""
        if self._template is None:
            return str(messages[-1]["content"])
        try:
            return _bounded(
                self._template.generate(
                    messages=list(messages), add_generation_prompt=True, **self._facts
                )
            )
        except (TemplateError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise BadRequestError(
                reason=f"The model's chat template refuses this: {error}"[:300].rstrip(".")
            ) from error

    def encode(self, text: str) -> list[int]:
        """Return a text's tokens, with the mark of beginning where the model wants it, once."""
        begin = self.begin
        mark = None if begin is None else self.tokenizer.id_to_token(begin)
        if mark and text.startswith(mark):
            return list(self.tokenizer.encode(text, add_special_tokens=False).ids)
        ids = list(self.tokenizer.encode(text).ids)
        if self._adds_begin and begin is not None and ids[:1] != [begin]:
            ids.insert(0, begin)
        return ids

    def _id(self, config: dict[str, Any], manners: dict[str, Any], name: str) -> int | None:
        """Return the token of a mark: by number (transformers) or by its text (CTranslate2)."""
        number = config.get(f"{name}_token_id")
        if type(number) is int:
            return number
        text = _text(config.get(f"{name}_token")) or _text(manners.get(f"{name}_token"))
        found: int | None = self.tokenizer.token_to_id(text) if text else None
        return found

    def _ends(self, *said: dict[str, Any]) -> frozenset[int]:
        config, manners, generation = said
        ends: set[int] = set()
        for source in (config, generation):
            number = source.get("eos_token_id")
            ends.update([number] if type(number) is int else number or [])
        known = self._id({**config, "eos_token_id": None}, manners, "eos")
        return frozenset(ends | ({known} if known is not None else set()))


def _bounded(pieces: Any) -> str:
    written, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_TEXT:
            raise ValueError("it writes without end")
        written.append(piece)
    return "".join(written)


def _template(folder: Path, manners: dict[str, Any]) -> Any:
    file = folder / "chat_template.jinja"
    source = file.read_text(encoding="utf-8") if file.is_file() else manners.get("chat_template")
    if isinstance(source, list):
        named = {one.get("name"): one.get("template") for one in source}
        source = named.get("default")
    if not source:
        return None
    if len(source) > MAX_TEMPLATE:
        raise ValueError(f"its chat template has {len(source)} characters")
    around = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    around.globals["raise_exception"] = _refuse
    around.globals["strftime_now"] = lambda form: datetime.now(UTC).strftime(form)
    around.filters["tojson"] = lambda value, **more: json.dumps(value, ensure_ascii=False, **more)
    return around.from_string(source)


def _refuse(reason: str) -> str:
    raise TemplateError(reason)


def _text(mark: Any) -> str:
    """Return a mark's text: transformers writes it plainly or as an object."""
    found = mark.get("content") if isinstance(mark, dict) else mark
    return found if isinstance(found, str) else ""


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}
