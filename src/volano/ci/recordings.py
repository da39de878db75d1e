"""Recorded answers: what was said to a question, kept in files of the repository.

A file for each check, a line for each answer, in the order of rows, so that a change shows
as what it is. A line is found by the digest of its question (model, settings, messages,
repetition) and sealed by a digest of its own, so that an edit by hand or a bad merge is found.
The seal is no signature: who means to deceive can write it anew. Neither questions nor keys
are kept: a key that an answer repeats is struck out.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from volano.ci.errors import BadRecordingError
from volano.ci.repository import Repository
from volano.core.canon import canonical
from volano.core.errors import InvalidError
from volano.evals.answered import Answered
from volano.evals.redacted import struck

ENDING = ".jsonl"
_KEPT = (
    "answer", "finish_reason", "prompt_tokens", "completion_tokens", "latency_us", "tools", "model",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recorded:
    """One answer under the key of its question."""

    key: str
    answered: Answered


def key_of(who: str, settings: Mapping[str, Any], messages: Any, repetition: int) -> str:
    """Return the digest of a question."""
    said = {
        "model": who, "settings": dict(settings), "messages": [dict(m) for m in messages],
        "repetition": repetition,
    }  # fmt: skip
    return hashlib.sha256(canonical(said)).hexdigest()


class Recordings:
    """All recorded answers of a repository, in one folder."""

    def __init__(self, repository: Repository, folder: str, secrets: Sequence[str] = ()):
        self._repository = repository
        self._folder = folder
        self._secrets = secrets
        self._known: dict[str, Answered] | None = None

    def find(self, key: str) -> Answered | None:
        """Return the answer under a key; None where none is recorded.

        Raises:
            BadRecordingError: a line of a file is not as it was written.
        """
        if self._known is None:
            self._known = self._read()
        return self._known.get(key)

    def write(self, check: str, answers: Iterable[Recorded]) -> int:
        """Write the file of a check anew, if it says anything else; return how many are new."""
        found = {one.key: one for one in answers if one.answered.error is None}
        ordered = sorted(
            found.values(), key=lambda one: (one.answered.id, one.answered.repetition, one.key)
        )
        new = sum(self.find(key) is None for key in found)
        path, data = self._path(check), b"".join(self._line(one) for one in ordered)
        if data and self._repository.here(path) != data:
            self._repository.put(path, data)
            self._known = None
        return new

    def _line(self, one: Recorded) -> bytes:
        said = {name: self._bare(value) for name, value in one.answered.to_dict().items()}
        said["tools"] = [
            {name: self._bare(value) for name, value in call.items()} for call in one.answered.tools
        ]
        kept = {name: said[name] for name in _KEPT if said[name] not in (None, [], (), "")}
        told = {"row": one.answered.id, "repetition": one.answered.repetition, "key": one.key}
        told = json.loads(json.dumps(told | kept, ensure_ascii=False).encode(errors="replace"))
        return json.dumps({**told, "seal": _seal(told)}, ensure_ascii=False).encode() + b"\n"

    def _bare(self, value: Any) -> Any:
        """Return what a field holds without secrets; the names of fields stay as they are."""
        return struck(value, self._secrets)

    def _path(self, check: str) -> str:
        return f"{self._folder}/{check.replace('/', '-')}{ENDING}"

    def _read(self) -> dict[str, Answered]:
        known: dict[str, Answered] = {}
        for path in self._repository.paths():
            if path.startswith(f"{self._folder}/") and path.endswith(ENDING):
                for number, line in enumerate((self._repository.here(path) or b"").split(b"\n"), 1):
                    if line.strip():
                        key, answered = _read(line, path, number)
                        known[key] = answered
        return known


def _read(line: bytes, path: str, number: int) -> tuple[str, Answered]:
    try:
        told = json.loads(line)
        seal = told.pop("seal")
        if seal != _seal(told) or not isinstance(told["key"], str):
            raise ValueError(seal)
        kept = {name: told[name] for name in _KEPT if name in told}
        kept.setdefault("answer", "")
        answered = Answered.from_dict({"id": told["row"], "repetition": told["repetition"], **kept})
    except (ValueError, TypeError, LookupError, AttributeError, InvalidError, RecursionError) as e:
        raise BadRecordingError(path=path, line=number) from e
    return told["key"], answered


def _seal(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]
