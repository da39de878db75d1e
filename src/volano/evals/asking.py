"""Asking: each row is asked once, several at a time, and written down when answered."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from volano.core.memory import calm
from volano.core.ports.chat import Chat
from volano.data import Row
from volano.evals.answered import Answered
from volano.evals.errors import BadConcurrencyError, BadTemplateError
from volano.evals.flight import After, Flight, Line, Question, Standing, Terms, nothing
from volano.evals.journal import Journal
from volano.evals.over_chat import ChatLine
from volano.evals.over_http import HttpLine
from volano.serving.chat import HttpChat

Messages = list[dict[str, Any]]
Render = Callable[[str], Messages]
Progress = Callable[[int, int], None]
Key = tuple[str, int]
"""A row and a repetition."""

MOST = 256


def _one(_question: Question) -> str:
    """Name the target where there is one for all questions."""
    return ""


def template(text: str) -> Render:
    """Return the rendering that puts a row's text where `{text}` stands, as the user's message.

    Raises:
        BadTemplateError: `{text}` is not in it exactly once.
    """
    if text.count("{text}") != 1:
        raise BadTemplateError(template=text[:120])
    before, after = text.split("{text}")
    return lambda row_text: [{"role": "user", "content": before + row_text + after}]


def line(
    chat: Chat, settings: Mapping[str, Any], *, concurrency: int, timeout_s: float = 60.0
) -> Line:
    """Return the fastest way to ask a Chat: over our own HTTP client where it is a server."""
    endpoint = chat.endpoint() if isinstance(chat, HttpChat) else None
    if endpoint is None:
        return ChatLine(chat, settings, concurrency)
    return HttpLine(endpoint, settings, timeout_s=timeout_s, concurrency=concurrency)


def ask_all(
    questions: Sequence[Question],
    over: Line,
    journal: Journal,
    terms: Terms,
    *,
    tell: Callable[[Standing], None],
    known: Mapping[Key, Answered] | None = None,
    after: After = nothing,
    whom: Callable[[Question], str] = _one,
) -> dict[Key, Answered]:
    """Return the answers to all questions, by row and repetition.

    Those in the journal and those `known` from elsewhere are not asked again. `after` sees the
    others once they are written down and as many are on their way again. `whom` names the target
    of a question: an answer known of it is evidence that it answers.

    Raises:
        UnavailableError: nobody answers; the journal keeps what was answered.
        MoneySpentError: the next call could cost more than is left.
        JournalWriteError: an answer cannot be written down.
    """
    wanted = {(one.id, one.repetition) for one in questions}
    done = {key: one for key, one in (known or {}).items() if key in wanted}
    taken_up = (Answered.from_dict(raw) for raw in journal.done)
    done.update(((one.id, one.repetition), one) for one in taken_up)
    done = {key: one for key, one in done.items() if key in wanted}

    def write(answers: Sequence[Answered]) -> None:
        journal.write(answers)
        done.update(((one.id, one.repetition), one) for one in answers)

    def hear(standing: Standing) -> None:
        journal.sync()
        tell(standing)

    _part(questions, done, whom)
    todo = {(q.id, q.repetition): q for q in questions if (q.id, q.repetition) not in done}
    left = deque(todo.values())
    todo.clear()
    flight = Flight(
        _drained(left), over, terms, write=write, tell=hear, after=after,
        done=len(done), of=len(wanted),
    )  # fmt: skip
    try:
        with calm():  # thousands of answers make the collector look at all that is loaded
            flight.run()
    finally:
        journal.sync()
    return done


def ask(
    rows: Sequence[Row],
    chat: Chat,
    render: Render,
    journal: Journal,
    *,
    settings: Mapping[str, Any],
    concurrency: int,
    progress: Progress,
) -> list[Answered]:
    """Return the answers to all rows, in the rows' order; those in the journal are not asked again.

    A row that the other side refuses (content, length) is an answer too: one
    with an `error`. When nobody answers at all, the suite stops, and what was
    answered stays in the journal.

    Raises:
        UnavailableError: the other side does not answer.
        BadConcurrencyError: not between 1 and 256.
        JournalWriteError: an answer cannot be written down.
    """
    if not 1 <= concurrency <= MOST:
        raise BadConcurrencyError(most=MOST, given=concurrency)
    questions = [Question(row.id, render(row.text)) for row in rows]
    found = ask_all(
        questions, line(chat, settings, concurrency=concurrency), journal, Terms(concurrency),
        tell=lambda standing: progress(standing.done, standing.of),
    )  # fmt: skip
    return [found[row.id, 0] for row in rows]


def _part(
    questions: Sequence[Question], done: Mapping[Key, Answered], whom: Callable[[Question], str]
) -> None:
    """Say of each question in which stretch between its target's known answers it stands."""
    good = {key for key, one in done.items() if one.error is None}
    if not good:
        return
    known = Counter(whom(q) for q in questions if (q.id, q.repetition) in good)
    passed: Counter[str] = Counter()
    for q in questions:
        target = whom(q)
        if (q.id, q.repetition) in good:
            passed[target] += 1
        elif known[target]:
            q.stretch = (target, passed[target])


def _drained(left: deque[Question]) -> Iterator[Question]:
    """Yield the questions, letting go of each."""
    while left:
        yield left.popleft()
