"""Running a suite: each row is asked once, several at a time, and written down when answered."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any

from volano.core.errors import UnavailableError, VolanoError
from volano.core.ports.chat import Chat
from volano.data import Row
from volano.evals.answered import Answered
from volano.evals.errors import BadConcurrencyError, BadTemplateError
from volano.evals.journal import Journal

Messages = list[dict[str, Any]]
Render = Callable[[str], Messages]
Progress = Callable[[int, int], None]

MOST = 256


def template(text: str) -> Render:
    """Return the rendering that puts a row's text where `{text}` stands, as the user's message.

    Raises:
        BadTemplateError: `{text}` is not in it exactly once.
    """
    if text.count("{text}") != 1:
        raise BadTemplateError(template=text[:120])
    before, after = text.split("{text}")
    return lambda row_text: [{"role": "user", "content": before + row_text + after}]


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
    wanted = {row.id for row in rows}
    done = {a.id: a for a in (Answered.from_dict(raw) for raw in journal.done) if a.id in wanted}
    todo = iter([row for row in rows if row.id not in done])
    for fresh in _stream(todo, lambda row: _one(row, chat, render, settings), concurrency):
        journal.append(answered.to_dict() for answered in fresh)
        done.update((answered.id, answered) for answered in fresh)
        progress(len(done), len(rows))
    return [done[row.id] for row in rows]


def _stream(
    todo: Iterator[Row], work: Callable[[Row], Answered], concurrency: int
) -> Iterator[list[Answered]]:
    """Yield answers as they come, never more than `concurrency` in flight.

    At the first failure no new row begins; those in flight are waited for and
    yielded, so that no paid answer is lost, and then the failure is raised.
    """
    failed: BaseException | None = None
    with ThreadPoolExecutor(concurrency, thread_name_prefix="eval") as pool:
        flying: set[Future[Answered]] = {
            pool.submit(work, row) for row in islice(todo, concurrency)
        }
        while flying:
            landed, flying = wait(flying, return_when=FIRST_COMPLETED)
            errors = [error for future in landed if (error := future.exception())]
            failed = failed or (errors[0] if errors else None)
            if failed is None:
                flying |= {pool.submit(work, row) for row in islice(todo, len(landed))}
            if fresh := [future.result() for future in landed if not future.exception()]:
                yield fresh
    if failed is not None:
        raise failed


def _one(row: Row, chat: Chat, render: Render, settings: Mapping[str, Any]) -> Answered:
    began = time.perf_counter_ns()
    try:
        got = chat(render(row.text), **settings)
    except UnavailableError:
        raise
    except VolanoError as error:
        return Answered(row.id, "", "error", error=f"{error.code}: {error.message}"[:500])
    latency_us = (time.perf_counter_ns() - began) // 1000
    return Answered(
        row.id, got.text, got.finish_reason, got.prompt_tokens, got.completion_tokens,
        latency_us=latency_us,
    )  # fmt: skip
