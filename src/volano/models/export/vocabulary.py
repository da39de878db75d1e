"""Vocabulary: a model folder's tokenizer, without torch: prompts to ids, ids to text.

What was trained here is asked with the prompt as it stands, after a begin token. An imported
model is asked through its chat template, rendered in jinja's sandbox.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from volano.models.export.errors import NotExportableError
from volano.models.training.tokenizer import BEGIN, END, PAD, SPECIAL
from volano.models.wording import AS_IS


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A tokenizer and the ids that begin, end and pad; `template` is a chat template."""

    tokenizer: Tokenizer
    begin: int | None
    ends: tuple[int, ...]
    pad: int
    adds_begin: bool
    template: str = AS_IS

    @classmethod
    def of(cls, folder: Path) -> "Vocabulary":
        """Read the folder's `tokenizer.json`, and what stands beside it.

        Raises:
            NotExportableError: there is none, or it is damaged.
        """
        try:
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # tokenizers raises nothing finer
            raise NotExportableError(folder=folder, reason=f"tokenizer.json: {error}") from error
        if _is_own(folder, tokenizer):
            return cls(tokenizer, BEGIN, (END,), PAD, adds_begin=True)
        return _imported(folder, tokenizer)

    def render(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """Return the conversation as the text that the model continues.

        Raises:
            NotExportableError: the chat template does not take it.
        """
        jinja = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        jinja.globals["raise_exception"] = _refuse
        special = {"bos_token": self._word(self.begin), "eos_token": self._word(self.ends[0])}
        try:
            return jinja.from_string(self.template).render(
                messages=list(messages), add_generation_prompt=True, **special
            )
        except (TemplateError, TypeError, ValueError, OverflowError) as error:
            raise NotExportableError(folder="its chat template", reason=str(error)) from error

    def ids(self, prompt: str) -> list[int]:
        """Return what the model sees when a person says this."""
        text = self.render([{"role": "user", "content": prompt}])
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        if self.adds_begin and self.begin is not None and ids[:1] != [self.begin]:
            return [self.begin, *ids]
        return list(ids)

    def text(self, ids: Sequence[int]) -> str:
        """Return an answer's text: up to its end token, without control tokens, as engines show it."""
        end = next((at for at, token in enumerate(ids) if token in self.ends), len(ids))
        return str(self.tokenizer.decode(list(ids[:end]), skip_special_tokens=True))

    def _word(self, token: int | None) -> str:
        return "" if token is None else self.tokenizer.id_to_token(token) or ""


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)


def _is_own(folder: Path, tokenizer: Tokenizer) -> bool:
    special = tuple(tokenizer.id_to_token(at) for at in range(len(SPECIAL)))
    others = ("tokenizer_config.json", "chat_template.jinja")
    return special == SPECIAL and not any((folder / name).exists() for name in others)


def _imported(folder: Path, tokenizer: Tokenizer) -> Vocabulary:
    said, config = _json(folder / "tokenizer_config.json"), _json(folder / "config.json")
    generation = _json(folder / "generation_config.json")

    def token(name: str) -> int | None:
        word = said.get(f"{name}_token")
        text = word.get("content") if isinstance(word, dict) else word
        found = tokenizer.token_to_id(text) if isinstance(text, str) else None
        numbers = _several(config.get(f"{name}_token_id"))
        return found if found is not None else next(iter(numbers), None)

    named = [token("eos"), *_several(generation.get("eos_token_id"))]
    ends = list(dict.fromkeys(end for end in named if end is not None))
    if not ends:
        raise NotExportableError(folder=folder, reason="it names no token that ends an answer")
    begin, pad, template = token("bos"), token("pad"), _template(folder, said)
    return Vocabulary(
        tokenizer,
        begin,
        tuple(ends),
        ends[0] if pad is None else pad,
        adds_begin=_adds_begin(tokenizer, begin, said, template),
        template=template or AS_IS,
    )


def _adds_begin(
    tokenizer: Tokenizer, begin: int | None, said: Mapping[str, Any], template: str | None
) -> bool:
    """Whether texts begin with the begin token: a chat template says it by itself."""
    if begin is None:
        return False
    if template:
        return "bos_token" in template or str(tokenizer.id_to_token(begin)) in template
    return bool(said.get("add_bos_token")) or tokenizer.encode("a").ids[:1] == [begin]


def _template(folder: Path, said: Mapping[str, Any]) -> str | None:
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    template = said.get("chat_template")
    return template if isinstance(template, str) else None


def _several(value: Any) -> list[int]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise NotExportableError(folder=path.parent, reason=f"{path.name}: {error}") from error
    return value if isinstance(value, dict) else {}
