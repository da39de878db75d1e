"""Change: the ways in which a search rewords a prompt. Each returns a new prompt."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from volano.data.row import Label, Row
from volano.prompts.errors import BadPromptError
from volano.prompts.prompt import SLOT, Prompt

Turn = dict[str, str]
SPOKEN = ("system", "developer")


def words_of(prompt: Prompt) -> str:
    """Return the instruction: the first system message, else what stands around the input."""
    for message in prompt.before:
        if message["role"] in SPOKEN:
            return message["content"]
    return "" if prompt.template.strip() == SLOT else prompt.template


def with_words(prompt: Prompt, words: str) -> Prompt:
    """Return the prompt with another instruction, where the old one stands.

    An instruction around the input that has lost the input gets it at its end.

    Raises:
        BadPromptError: it is empty, or has the input where it cannot be.
    """
    words = words.strip()
    if not words:
        raise BadPromptError(why="the new instruction is empty")
    for at, message in enumerate(prompt.before):
        if message["role"] in SPOKEN:
            return replace(prompt, before=_put(prompt.before, at, {**message, "content": words}))
    if prompt.template.strip() != SLOT:
        return replace(prompt, template=words if SLOT in words else f"{words}\n\n{SLOT}")
    return replace(prompt, before=({"role": "system", "content": words}, *prompt.before))


def with_examples(prompt: Prompt, examples: Sequence[tuple[str, str]]) -> Prompt:
    """Return the prompt with (text, answer) pairs as turns before the user's own.

    Examples that the prompt had before, as pairs of user and assistant, go.
    """
    kept = tuple(one for one in prompt.before if one["role"] in SPOKEN)
    return replace(
        prompt, before=(*kept, *(turn for one in examples for turn in _pair(prompt, one)))
    )


def with_settings(prompt: Prompt, settings: Mapping[str, Any]) -> Prompt:
    """Return the prompt with these settings over its own."""
    return replace(prompt, settings={**prompt.settings, **settings})


def usable(row: Row) -> bool:
    """Whether a row can be an example: one that names the prompt's slot cannot."""
    return SLOT not in row.text and SLOT not in said(row.label)


def said(label: Label) -> str:
    """Return a label as a model should answer it."""
    return label if isinstance(label, str) else json.dumps(label, ensure_ascii=False)


def whole(prompt: Prompt) -> str:
    """Return all words of a prompt as one text."""
    return "\n".join([*(message["content"] for message in prompt.before), prompt.template])


def document(prompt: Prompt) -> dict[str, Any]:
    """Return a prompt as plain JSON values."""
    return dict(json.loads(prompt.to_bytes()))


def _pair(prompt: Prompt, example: tuple[str, str]) -> tuple[Turn, Turn]:
    text, answer = example
    asked = f"{prompt.prefix}{text}{prompt.suffix}"
    return {"role": "user", "content": asked}, {"role": "assistant", "content": answer}


def _put(before: Sequence[Turn], at: int, message: Turn) -> tuple[Turn, ...]:
    return (*before[:at], message, *before[at + 1 :])
