"""Render: a row as token ids for another's model: what is given, what is learned, where it ends.

Prompt and completion are tokenised apart, so that what is learned begins
exactly where the engine will begin to answer. A completion always ends with
the tokenizer's end-of-sequence token; else the model would never stop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from volano.models.training.job import Row
from volano.models.training.plan import Plan
from volano.models.training.recipe import TEXT, BadRecipeError, label_text

IGNORED = -100
"""A position that the loss leaves out (PyTorch's `ignore_index`)."""

Tokenizer = Any
"""A tokenizer of transformers, which promises too little in types."""

PLAIN = "{text}\n"
"""How a text is asked where neither recipe nor chat template says."""


@dataclass(frozen=True, slots=True)
class Example:
    """Ids of prompt and completion.

    `cut`: the prompt lost its beginning. `exact`: the whole text, tokenised
    at once, gives the same ids. `ended`: the template itself ended the answer.
    """

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    cut: bool = False
    exact: bool = True
    ended: bool = True

    def to_row(self, loss: str) -> dict[str, list[int]]:
        """Return what TRL takes: ids, and labels that leave out what is not learned."""
        ids = [*self.prompt, *self.completion]
        given = ids[: len(self.prompt)] if loss == "all" else [IGNORED] * len(self.prompt)
        return {"input_ids": ids, "labels": [*given, *self.completion]}


def uses_chat(plan: Plan, template: object) -> bool:
    """Whether rows are rendered by the base's chat template.

    Raises:
        BadRecipeError: the recipe wants it, and the base has none.
    """
    if plan.template == "chat" and not template:
        raise BadRecipeError(
            reason="the base has no chat template",
            hint="Say `template: plain` and a `prompt` with `{text}` in it.",
        )
    return plan.template != "plain" and bool(template)


def render(row: Row, tokenizer: Tokenizer, plan: Plan, *, context: int) -> Example | None:
    """Return a row's ids; None where the completion alone does not fit.

    Raises:
        BadRecipeError: the row has none of the known shapes.
    """
    chat = uses_chat(plan, tokenizer.chat_template)
    before, after = _chat(row, tokenizer, plan) if chat else _plain(row, plan)
    prompt = _ids(tokenizer, before, special=not chat)
    end = tokenizer.eos_token_id
    if not chat and prompt and prompt[-1] == end:
        prompt = prompt[:-1]
    completion = _ids(tokenizer, after, special=False)
    whole = _ids(tokenizer, before + after, special=not chat)
    exact = whole[: len(prompt) + len(completion)] == prompt + completion
    ended = end in completion
    completion = [*completion[: completion.index(end)], end] if ended else [*completion, end]
    over = len(prompt) + len(completion) - context
    if len(completion) >= context:
        return None
    kept = [prompt[0], *prompt[1 + over :]] if over > 0 else prompt
    return Example(tuple(kept), tuple(completion), cut=over > 0, exact=exact, ended=ended)


def asked_of(row: Row, plan: Plan, *, chat: bool) -> list[dict[str, str]]:
    """Return the messages that a row is asked with, so that an engine sees what was learned.

    Raises:
        BadRecipeError: the row has none of the known shapes.
    """
    if chat:
        return [dict(one) for one in _conversation(row, plan.prompt)[:-1]]
    return [{"role": "user", "content": _before(row, plan)}]


def answer_of(row: Row) -> str:
    """Return what a row wants to be answered, as text.

    Raises:
        BadRecipeError: the row has none of the known shapes.
    """
    return _conversation(row, None)[-1]["content"].strip()


def _chat(row: Row, tokenizer: Tokenizer, plan: Plan) -> tuple[str, str]:
    said = _conversation(row, plan.prompt)
    before = tokenizer.apply_chat_template(said[:-1], add_generation_prompt=True, tokenize=False)
    whole = tokenizer.apply_chat_template(said, tokenize=False)
    if not whole.startswith(before):
        raise BadRecipeError(
            reason="this chat template renders a prompt otherwise when its answer follows",
            hint="Say `template: plain`, or mend the chat template in the base's folder.",
        )
    return before, whole[len(before) :]


def _plain(row: Row, plan: Plan) -> tuple[str, str]:
    before, answer = _before(row, plan), _conversation(row, None)[-1]["content"]
    return before, (" " if before and not before[-1].isspace() else "") + answer


def _before(row: Row, plan: Plan) -> str:
    said = _conversation(row, plan.prompt or PLAIN)
    return "\n".join(one["content"] for one in said[:-1])


def _conversation(row: Row, prompt: str | None) -> Sequence[Mapping[str, str]]:
    """Return the messages of a row; the last is the answer."""
    if messages := row.get("messages"):
        if messages[-1].get("role") != "assistant" or len(messages) < 2:
            raise BadRecipeError(reason="a row's messages do not end with the assistant's answer")
        return [{"role": one["role"], "content": one["content"] or ""} for one in messages]
    if "completion" in row:
        asked, answer = row.get("prompt", ""), row["completion"]
    elif "text" in row and "label" in row:
        before, _, after = (prompt or TEXT).partition(TEXT)
        asked, answer = before + row["text"] + after, label_text(row["label"])
    else:
        raise BadRecipeError(
            reason=f"a row has {', '.join(sorted(row))}",
            hint="Rows have `text` and `label`, or `messages`, or `prompt` and `completion`.",
        )
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]


def _ids(tokenizer: Tokenizer, text: str, *, special: bool) -> list[int]:
    return list(tokenizer(text, add_special_tokens=special)["input_ids"])
