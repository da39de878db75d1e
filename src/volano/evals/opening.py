"""Opening a model by the name that people say: one of ours, a pointer, or TARGET:MODEL."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from volano.core.ports.chat import Chat
from volano.evals.candidates import FAR, FLOW, Candidates
from volano.evals.errors import NotAJudgeModelError
from volano.models.keeper import Models
from volano.store.artifact import Artifact


class ModelDoor:
    """Finds and opens models by name."""

    def __init__(
        self,
        candidates: Candidates,
        models: Models,
        chat: Callable[[Artifact, Path], AbstractContextManager[Chat]],
        chat_at: Callable[[str, str], AbstractContextManager[Chat]],
    ):
        self._candidates = candidates
        self._models = models
        self._chat = chat
        self._chat_at = chat_at

    def pin(self, name: str) -> tuple[str, str]:
        """Return the name as it stays, and the digest; none for what others may change.

        Raises:
            UnknownCandidateError: nothing has this name.
            NotAJudgeModelError: it is a flow.
        """
        found = self._candidates.named(name)
        if found.kind == FLOW:
            raise NotAJudgeModelError(name=name)
        if found.kind == FAR:
            return found.ref, ""
        return found.ref, str(self._models.get(found.ref).digest)

    @contextmanager
    def open(self, name: str, folder: Path) -> Iterator[Chat]:
        """Open a chat with a model; an engine of ours has its socket in `folder`.

        Raises:
            UnknownCandidateError, NotAJudgeModelError: as in `pin`.
            ModelNotUsableError, NoProviderKeyError: it cannot be asked from here.
        """
        ref, digest = self.pin(name)
        if not digest:
            target, _, model = ref.partition(":")
            with self._chat_at(target, model) as chat:
                yield chat
            return
        with self._chat(self._models.get(ref), folder) as chat:
            yield chat
