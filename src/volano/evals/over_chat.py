"""A line over the Chat port: whatever answers in its own way gets a thread for each call in flight."""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from volano.core.errors import UnavailableError, VolanoError
from volano.core.ports.chat import Chat
from volano.evals.answered import Answered
from volano.evals.flight import NOT_OF_ROW, Away, Landed, Outcome, Question


class ChatLine:
    """Asks a Chat from a pool of threads."""

    def __init__(self, chat: Chat, settings: Mapping[str, Any], concurrency: int):
        self._chat = chat
        self._settings = dict(settings)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="eval")

    def open(self, loop: asyncio.AbstractEventLoop, landed: Landed) -> None:
        """Get ready."""
        self._loop, self._landed = loop, landed
        self._closed = False

    def send(self, question: Question) -> None:
        """Ask in a thread."""
        self._pool.submit(self._one, question)

    def close(self) -> None:
        """Let everything go; calls in flight end by themselves."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _one(self, question: Question) -> None:
        outcome = self._outcome(question)
        if not self._closed:
            self._loop.call_soon_threadsafe(self._landed, question, outcome)

    def _outcome(self, question: Question) -> Outcome:
        began = time.perf_counter_ns()
        try:
            got = self._chat([dict(message) for message in question.messages], **self._settings)
        except UnavailableError as error:
            status = error.facts.get("status")
            return Away(error, spoke=status is not None and status not in NOT_OF_ROW)
        except VolanoError as error:
            why = f"{error.code}: {error.message}"[:500]
            return Answered(question.id, "", "error", error=why, repetition=question.repetition)
        except BaseException as error:  # noqa: BLE001 - a fault of our own ends the suite
            return error
        return Answered(
            question.id, got.text, got.finish_reason, got.prompt_tokens, got.completion_tokens,
            latency_us=(time.perf_counter_ns() - began) // 1000, repetition=question.repetition,
        )  # fmt: skip
