"""Prompts as an application reads them: fresh within a minute, there when the server is not.

A label may move, so what it names is good for `TTL_S`. In the second half of that time
the first reader has it renewed in the background; a busy program never waits. After it the
reader waits for the server, shortly: only the server can say that the label still stands. If
it says 404 or 410, the prompt is gone here too; if it says 401 or 403, this key may read it no more, and
what was read ends with its minute. If it does not answer, or answers anything else, that
is an outage: the last good one goes on, and the server is asked again in the background. A version cannot change: it is read once.

Time is counted from when the server was asked, by a clock that nobody sets and that goes on
while the machine sleeps.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from volano.client.errors import BadPinError, MissingVariableError, UnexpectedAnswerError
from volano.client.shelf import Shelf
from volano.client.wire import Answer, Wire, parsed
from volano.core.errors import InvalidError, VolanoError
from volano.core.schema import misfit, response_format
from volano.core.template.errors import MissingValueError
from volano.core.template.variable import Variable
from volano.core.template.wording import Wording

TTL_S = 60.0
AHEAD_S = 30.0
OUTAGE_S = 10.0
WAIT_S = 2.0
GONE, REFUSED = (404, 410), (401, 403)
_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)
_SLOT = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")


@dataclass(frozen=True)
class Prompt:
    """A prompt as it was saved. `ref` is its version (`support@3`), also where a label was asked.

    `template` is what the user's message is made from, `before` the messages before it,
    `settings` the model settings it wants (temperature, max_tokens, …), `schema` the JSON
    schema that answers keep. A prompt with typed variables or examples has a `wording`, which
    is rendered instead.
    """

    ref: str
    template: str
    before: tuple[Mapping[str, str], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    wording: Wording | None = None
    schema: Mapping[str, Any] | None = None

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What `render` wants, by name: type, default, description; in the order of their first use."""
        if self.wording is not None:
            return self.wording.variables
        texts = [message["content"] for message in self.before]
        names = (name for text in [*texts, self.template] for name in _SLOT.findall(text))
        return {name: Variable(name) for name in names}

    @property
    def response_format(self) -> dict[str, Any] | None:
        """What OpenAI's clients take as `response_format`; None where answers keep no schema."""
        return None if self.schema is None else response_format(self.schema)

    def misfit(self, answer: str) -> str | None:
        """Return why an answer does not keep the schema, in words; None where it does."""
        return None if self.schema is None else misfit(answer, self.schema)

    def text(self, **variables: Any) -> str:
        """Return the user's last message alone, with the variables filled in.

        Raises:
            MissingVariableError: one that it needs was not given.
            UnfitValueError, UnknownVariableError, FillError: as `render`.
        """
        if self.wording is None:
            return self._filled(self.template, variables)
        said = [one["content"] for one in self.render(**variables) if one["role"] == "user"]
        return said[-1] if said else ""

    def render(self, **variables: Any) -> list[dict[str, str]]:
        """Return the messages for a model, with the variables filled in, once.

        What stands in a variable's value is not looked at again: `{{…}}` in a user's
        words stays as it is. A prompt whose variables have no types leaves others aside.

        Raises:
            MissingVariableError: one that it needs was not given.
            UnfitValueError: a value is of another type than its variable, or none of its choices.
            UnknownVariableError: it has no such variable.
            FillError: its templates cannot be filled with these values.
        """
        if self.wording is not None:
            try:
                return self.wording.render(variables)
            except MissingValueError as error:
                raise self._missing(error.facts["name"]) from None
        before = [{**m, "content": self._filled(m["content"], variables)} for m in self.before]
        return [*before, {"role": "user", "content": self.text(**variables)}]

    def _filled(self, text: str, variables: Mapping[str, Any]) -> str:
        def fill(found: re.Match[str]) -> str:
            if found[1] not in variables:
                raise self._missing(found[1])
            return str(variables[found[1]])

        return _SLOT.sub(fill, text)

    def _missing(self, name: str) -> MissingVariableError:
        return MissingVariableError(ref=self.ref, name=name, known=", ".join(self.variables))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, as the server says them."""
        return {
            "ref": self.ref, "template": self.template, "before": [dict(m) for m in self.before],
            "settings": dict(self.settings), "digest": self.digest,
            "wording": None if self.wording is None else self.wording.to_dict(),
            "schema": self.schema,
        }  # fmt: skip


def awake_or_asleep_s() -> float:
    """Return seconds that only go on; on Linux those in which the machine was suspended, too."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


class Kept:
    """A prompt that was read, and until when it is good. `lock` is held by who renews it."""

    __slots__ = ("asked_s", "busy", "good_until_s", "lock", "prompt")

    def __init__(self) -> None:
        self.prompt: Prompt | None = None
        self.good_until_s = self.asked_s = float("-inf")
        self.lock = threading.Lock()
        self.busy = False


class Prompts:
    """What was read of one server. Threads may share it."""

    def __init__(
        self, wire: Wire, file: str | None = None, now_s: Callable[[], float] = awake_or_asleep_s
    ):
        self._wire, self._now_s = wire, now_s
        self._shelf = Shelf(file) if file else None
        self._kept: dict[str, Kept] = {}

    def get(
        self, name: str, *, label: str | None, version: int | None, fallback: str | None = None
    ) -> Prompt:
        """Return a prompt; see `Client.prompt`."""
        ref, pinned = _ref(name, label, version)
        kept = self._kept.setdefault(ref, Kept())
        now = self._now_s()
        prompt = kept.prompt
        if prompt is not None and (pinned or now < kept.good_until_s):
            if not pinned and now > kept.asked_s + AHEAD_S:
                self._renew_aside(ref, kept)
            return prompt
        try:
            return self._renewed(ref, kept)
        except VolanoError:
            if fallback is None:
                raise
            return Prompt(ref, fallback)

    def forget(self) -> None:
        """The process was forked: what was being renewed is not, here."""
        for kept in self._kept.values():
            kept.lock, kept.busy = threading.Lock(), False
        if self._shelf is not None:
            self._shelf.forget()

    def _renewed(self, ref: str, kept: Kept) -> Prompt:
        """Ask the server, one thread at a time; the others take what it brought.

        Who finds another asking waits as shortly for that one as for the server.
        """
        last = kept.prompt
        if not kept.lock.acquire(timeout=WAIT_S if last else -1) and last is not None:
            return last
        try:
            if kept.prompt is not None and self._now_s() < kept.good_until_s:
                return kept.prompt
            self._ask(ref, kept, WAIT_S if kept.prompt else None)
            assert kept.prompt is not None
            return kept.prompt
        finally:
            kept.lock.release()

    def _renew_aside(self, ref: str, kept: Kept) -> None:
        if kept.busy:
            return
        kept.busy = True

        def renew() -> None:
            try:
                with kept.lock:
                    self._ask(ref, kept, None)
            except VolanoError:
                return  # it is gone; the next reader is told
            finally:
                kept.busy = False

        try:
            threading.Thread(target=renew, name="volano-prompt", daemon=True).start()
        except RuntimeError:  # the interpreter ends
            kept.busy = False

    def _ask(self, ref: str, kept: Kept, timeout_s: float | None) -> None:
        """Read it anew. Without an answer the last good one goes on, for `OUTAGE_S` at first."""
        kept.asked_s = asked_s = self._now_s()
        try:
            kept.prompt = self._read(ref, timeout_s)
        except VolanoError as error:
            if isinstance(error, Gone):
                if error.at_once or self._now_s() >= kept.good_until_s:
                    self._drop(ref, kept, shelved=error.at_once or kept.prompt is not None)
                raise error.said from None
            kept.prompt = kept.prompt or self._shelved(ref)
            if kept.prompt is None:
                raise
            kept.good_until_s = max(kept.good_until_s, self._now_s() + TTL_S)
            kept.asked_s = self._now_s() + OUTAGE_S - AHEAD_S
            return
        kept.good_until_s = asked_s + TTL_S
        self._put(ref, kept.prompt)

    def _drop(self, ref: str, kept: Kept, *, shelved: bool) -> None:
        """Let go of a prompt. Where this process never read it, the file may be for another's key."""
        kept.prompt = None
        if shelved:
            self._put(ref, None)

    def _put(self, ref: str, prompt: Prompt | None) -> None:
        if self._shelf is not None:
            self._shelf.put(ref, None if prompt is None else prompt.to_dict())

    def _shelved(self, ref: str) -> Prompt | None:
        content = self._shelf.content(ref) if self._shelf is not None else None
        try:
            return None if content is None else read(content)
        except (KeyError, TypeError, ValueError, InvalidError):
            return None

    def _read(self, ref: str, timeout_s: float | None) -> Prompt:
        path = f"/api/v1/prompts/{quote(ref, safe='')}/fetch"
        answer = self._wire.exchange("GET", path, None, {}, timeout_s=timeout_s)
        try:
            said = self._wire.read(answer)
        except VolanoError as error:
            if answer.status in GONE + REFUSED and _volanos(answer):
                raise Gone(error, at_once=answer.status in GONE) from error
            raise
        try:
            return read(said)
        except (KeyError, TypeError, ValueError, InvalidError) as error:
            what = "it is no prompt"
            raise UnexpectedAnswerError(url=self._wire.base_url, what=what) from error


class Gone(VolanoError):
    """The server says that the prompt is not there (any more), or not for this key.

    What this key may not read any more ends with its minute; what is not there ends `at_once`.
    """

    def __init__(self, said: VolanoError, *, at_once: bool):
        super().__init__(said.message)
        self.said, self.at_once = said, at_once


def read(content: Mapping[str, Any]) -> Prompt:
    """Return the prompt that the server, or a file, tells.

    Raises:
        KeyError, TypeError: something is missing, or of another kind.
        BadTemplateError: its wording is none.
    """
    before = tuple(
        {"role": str(m["role"]), "content": str(m["content"])} for m in content["before"]
    )
    template, settings = str(content["template"]), dict(content["settings"])
    wording, schema = content.get("wording"), content.get("schema")
    return Prompt(
        str(content["ref"]), template, before, settings, str(content.get("digest", "")),
        None if wording is None else Wording.from_dict(wording),
        None if schema is None else dict(schema),
    )  # fmt: skip


def _volanos(answer: Answer) -> bool:
    """Whether it is volano itself that says so, not a proxy that lost its way."""
    said = parsed(answer.body)
    return isinstance(said, dict) and "error" in said


def _ref(name: str, label: str | None, version: int | None) -> tuple[str, bool]:
    """Return the ref, and whether it can only ever name one version."""
    if (label is not None and version is not None) or (
        (label is not None or version is not None) and ("@" in name or ":" in name)
    ):
        raise BadPinError
    ref = name
    if label is not None:
        ref = f"{name}:{label}"
    elif version is not None:
        ref = f"{name}@{version}"
    return ref, "@" in ref
