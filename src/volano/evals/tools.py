"""What scorers get beside the answer: models by name, and vectors of texts.

What a judge said is remembered as answers are: a suite that is taken up, or scored again, does
not pay for a judgement twice.
"""

import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from volano.core.ports.chat import Answer, Chat
from volano.evals.answered import Answered
from volano.evals.remembered import Keys, Remembered
from volano.evals.scoring import BadScorerError, Tools

OpenChat = Callable[[str, Path], AbstractContextManager[Chat]]
"""Opens a chat with whoever has this name; an engine of its own gets its socket in the folder."""
Kept = Callable[[str, str], tuple[str, bytes]]
"""Reads an artifact's own file by kind and ref."""


class Toolbox:
    """Opens what scorers ask for when they first ask; closes it all. Use it as a context."""

    def __init__(self, open_chat: OpenChat, kept: Kept, remembered: Remembered | None = None):
        self._open = open_chat
        self._kept = kept
        self._remembered = remembered
        self._chats: dict[str, Chat] = {}
        self._lock = threading.Lock()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def tools(self) -> Tools:
        """Return what is handed to scorers."""
        return Tools(chat=self._chat, vectors=self._vectors, kept=self._kept)

    @property
    def asked(self) -> tuple[str, ...]:
        """The models that scorers asked."""
        return tuple(sorted(self._chats))

    def _chat(self, name: str) -> Chat:
        with self._lock:
            if name not in self._chats:
                opened = self._raw(name)
                kept = self._remembered
                self._chats[name] = opened if kept is None else _Kept(opened, name, kept)
            return self._chats[name]

    def _raw(self, name: str) -> Chat:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="volano-"))
        return self._stack.enter_context(self._open(name, Path(folder)))

    def _vectors(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        if not model:
            raise BadScorerError(name="embedding", why="name a model that gives vectors")
        chat = self._chat(model)
        chat = chat.inner if isinstance(chat, _Kept) else chat
        give = getattr(chat, "vectors", None)
        if give is None:
            raise BadScorerError(name="embedding", why=f"`{model}` gives no vectors")
        return list(give(texts))


class _Kept:
    """A Chat whose answers are remembered."""

    def __init__(self, inner: Chat, name: str, kept: Remembered):
        self.inner = inner
        self._name = name
        self._kept = kept
        self._times: Counter[bytes] = Counter()
        self._lock = threading.Lock()

    def __call__(self, messages: Sequence[dict[str, Any]], **settings: Any) -> Answer:
        key = self._key(list(messages), settings)
        if found := self._kept.get([key]).get(key):
            return Answer(
                found.answer, found.finish_reason, found.prompt_tokens, found.completion_tokens
            )
        got = self.inner(messages, **settings)
        kept = Answered("", got.text, got.finish_reason, got.prompt_tokens, got.completion_tokens)
        self._kept.put({key: kept})
        return got

    def _key(self, messages: list[dict[str, Any]], settings: dict[str, Any]) -> bytes:
        """Return the key; who asks the same several times wants several answers."""
        keys = Keys(f"judge {self._name}", settings)
        with self._lock:
            self._times[keys.of(messages, 0)] += 1
            return keys.of(messages, self._times[keys.of(messages, 0)])
