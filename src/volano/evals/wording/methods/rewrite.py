"""Rewrite: a model is shown the instruction, what went wrong with it, and writes a better one.

Zhou et al. 2023 (arXiv:2211.01910) and Yang et al. 2024 (arXiv:2309.03409): the
best so far and its mistakes go into the next request.
"""

from collections.abc import Sequence

from volano.core.errors import InvalidError
from volano.evals.wording.change import said, with_words, words_of
from volano.evals.wording.ground import Ground, Seen
from volano.evals.wording.methods.examples import draw, pool
from volano.evals.wording.methods.registry import METHODS, Entry

SHOWN, ASKED, WIDEST = 8, 24, 1200
ASKING = """You improve the instruction that another model is given for a task.

The instruction now:
```
{words}
```

Inputs where its answer was not as expected:

{mistakes}
{right}
Work out what the task is and which knowledge, labels or format the instruction lacks. Write one
better instruction, in the language of the present one. It must hold for inputs that you have not
seen: do not list the inputs above with their answers.

Answer with the new instruction alone, between ``` marks."""


def rewrite(ground: Ground, trials: int) -> None:
    """Show mistakes of the best so far, and try what is written; every trial sees other rows."""
    rows = pool(ground.learn)
    for number in range(trials):
        best = ground.best.prompt
        seen = ground.see(best, draw(rows, ASKED, ground.rng))
        written = ground.write(_request(words_of(best), seen), draw=number)
        try:
            changed = with_words(best, between_marks(written))
        except InvalidError:
            continue
        ground.try_(changed, "written by the reflecting model")


def between_marks(text: str) -> str:
    """Return what stands between the first and the last ``` of a text, or all of it."""
    first, last = text.find("```"), text.rfind("```")
    if first < 0:
        return text.strip()
    inner = text[first + 3 : last] if last > first else text[first + 3 :]
    head, newline, rest = inner.partition("\n")
    language = newline and head.strip().isidentifier()
    return (rest if language or not head.strip() else inner).strip()


def feedback(one: Seen) -> str:
    """Say how an answer compares with the expected one."""
    if one.score is None:
        return f"There was no answer: {one.why}"
    wanted = said(one.row.label)
    if one.score >= 1:
        return "This answer is right."
    return f"This answer scores {one.score:.2f} of 1. The expected answer is: {wanted}"


def _request(words: str, seen: Sequence[Seen]) -> str:
    wrong = [one for one in seen if one.score is None or one.score < 1][:SHOWN]
    right = [one for one in seen if one.score is not None and one.score >= 1][:2]
    shown = "\n".join(map(_told, wrong)) or "(none of those tried)\n"
    kept = "Inputs where it was:\n\n" + "\n".join(map(_told, right)) + "\n" if right else ""
    return ASKING.format(words=words or "(none)", mistakes=shown, right=kept)


def _told(one: Seen) -> str:
    text, answer = one.row.text[:WIDEST], one.answered.answer[:WIDEST]
    return f"Input: {text}\nAnswer: {answer}\n{feedback(one)}\n"


METHODS.register("rewrite")(
    Entry(rewrite, "a model writes the instruction anew, seeing its mistakes on train rows", True)
)
