"""Change: the ways in which a search rewords a prompt. Each returns a new prompt.

A prompt is plain (fixed messages, then the input inside a template) or made of
templates (`Prompt.messages`). Examples become turns of user and assistant before
the user's own, in the same form as that; words go where the instruction stands.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from volano.core.template.shown import Example, Examples
from volano.data.row import Label, Row
from volano.prompts.errors import BadPromptError
from volano.prompts.pick import POOL, Pick
from volano.prompts.prompt import SLOT, Prompt

Turn = dict[str, str]
SPOKEN = ("system", "developer")
INPUT = re.compile(r"\{\{-?\s*input\b")
BARE = re.compile(r"\s*\{\{-?\s*input\s*-?\}\}\s*")
MARKS = ("{{", "{%", "{#")
"""What begins something in a template: a text with one cannot stand in it as it is."""


def words_of(prompt: Prompt) -> str:
    """Return the instruction: the first system message, else what stands around the input."""
    turns = _turns(prompt)
    for message in turns:
        if message["role"] in SPOKEN:
            return message["content"]
    last = turns[_last(turns)]["content"]
    return "" if BARE.fullmatch(last) else last


def with_words(prompt: Prompt, words: str) -> Prompt:
    """Return the prompt with another instruction, where the old one stands.

    An instruction around the input that has lost the input gets it at its end.

    Raises:
        BadPromptError, BadTemplateError: it is empty, or no template can be made of it.
    """
    words = words.strip()
    if not words:
        raise BadPromptError(why="the new instruction is empty")
    turns = _turns(prompt)
    spoken = [at for at, message in enumerate(turns) if message["role"] in SPOKEN]
    last = _last(turns)
    if spoken:
        turns[spoken[0]] = {**turns[spoken[0]], "content": words}
    elif BARE.fullmatch(turns[last]["content"]):
        turns.insert(0, {"role": "system", "content": words})
    else:
        put = words if INPUT.search(words) else f"{words}\n\n{SLOT}"
        turns[last] = {**turns[last], "content": put}
    return _of(prompt, turns)


def with_examples(prompt: Prompt, examples: Sequence[tuple[str, str]]) -> Prompt:
    """Return the prompt with (text, answer) pairs as turns before the user's own.

    Examples that it had before go.

    Raises:
        BadPromptError: its examples stand inside a message, where only pinned ones can be.
    """
    bare = without_examples(prompt)
    turns = _turns(bare)
    last = _last(turns)
    pairs = [turn for text, answer in examples for turn in _pair(bare, text, answer)]
    return _of(bare, [*turns[:last], *pairs, *turns[last:]])


def with_nearest(prompt: Prompt, rows: Sequence[Row], n: int, source: str) -> Prompt:
    """Return the prompt with `n` examples chosen for each input anew: the rows most like it.

    `source` is the dataset that the rows are of.

    Raises:
        BadPromptError, BadTemplateError: it cannot be written as templates.
    """
    turns = _turns(without_examples(prompt))
    if prompt.plain and any(mark in message["content"].replace(SLOT, "") for message in turns
                            for mark in MARKS):  # fmt: skip
        raise BadPromptError(why="its fixed text has the marks of a template")
    shown = tuple(Example(row.text, said(row.label), id=row.id) for row in rows[:POOL])
    pick = Pick(source, rule="similar", n=n).to_dict(source)
    return replace(
        prompt, template=SLOT, before=(), messages=tuple(turns),
        examples=Examples("similar", n, shown), pick=pick,
    )  # fmt: skip


def without_examples(prompt: Prompt) -> Prompt:
    """Return the prompt without its turns of user and assistant before the last of the user.

    Raises:
        BadPromptError: its examples stand inside a message.
    """
    turns = _turns(prompt)
    last = _last(turns)
    if not prompt.plain and prompt.wording.inline:
        raise BadPromptError(why="its examples stand inside a message")
    kept = [one for one in turns[:last] if one["role"] in SPOKEN]
    return replace(_of(prompt, [*kept, *turns[last:]]), examples=None, pick={})


def with_settings(prompt: Prompt, settings: Mapping[str, Any]) -> Prompt:
    """Return the prompt with these settings over its own."""
    return replace(prompt, settings={**prompt.settings, **settings})


def usable(row: Row) -> bool:
    """Whether a row can be an example: one with the marks of a template cannot."""
    return not any(mark in text for mark in MARKS for text in (row.text, said(row.label)))


def said(label: Label) -> str:
    """Return a label as a model should answer it."""
    return label if isinstance(label, str) else json.dumps(label, ensure_ascii=False)


def whole(prompt: Prompt) -> str:
    """Return all words of a prompt as one text, pinned examples with them."""
    pinned = prompt.examples.rows if prompt.examples else ()
    return "\n".join([*(one["content"] for one in _turns(prompt)), *(row.input for row in pinned)])


def document(prompt: Prompt) -> dict[str, Any]:
    """Return a prompt as plain JSON values; of many pinned rows their number alone."""
    found = dict(json.loads(prompt.to_bytes()))
    if prompt.examples is not None and len(prompt.examples.rows) > prompt.examples.n + 1:
        found["examples"] = {**found["examples"], "pinned": len(prompt.examples.rows)}
    return found


def _turns(prompt: Prompt) -> list[Turn]:
    """Return all messages as they are written, that with the input too."""
    if not prompt.plain:
        return [dict(message) for message in prompt.messages]
    return [*map(dict, prompt.before), {"role": "user", "content": prompt.template}]


def _of(prompt: Prompt, turns: Sequence[Turn]) -> Prompt:
    """Return the prompt with these messages, of the same kind as before."""
    if not prompt.plain:
        return replace(prompt, messages=tuple(turns))
    return replace(prompt, before=tuple(turns[:-1]), template=turns[-1]["content"])


def _last(turns: Sequence[Turn]) -> int:
    """Return where the user's own message stands.

    Raises:
        BadPromptError: there is none.
    """
    found = [at for at, one in enumerate(turns) if one["role"] == "user"]
    if not found:
        raise BadPromptError(why="it has no message of the user to put examples before")
    return found[-1]


def _pair(bare: Prompt, text: str, answer: str) -> tuple[Turn, Turn]:
    asked = [one["content"] for one in bare.render(text) if one["role"] == "user"][-1]
    return {"role": "user", "content": asked}, {"role": "assistant", "content": answer}
