"""A Party: whom one side of a check asks, ready to be asked; opened only when a question is left."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from volano.ci.errors import NoKeyError, NoTargetHereError
from volano.ci.rules import Check, origin
from volano.core.errors import NotFoundError, VolanoError
from volano.core.ports.chat import Chat
from volano.core.principal import Principal
from volano.costs.price import Price
from volano.evals.errors import BadOnError
from volano.evals.examine import MAX_TOKENS, Examiner
from volano.evals.on import Respondents, Wanted
from volano.flows.written import Written
from volano.models.keeper import Models
from volano.prompts.prompt import Prompt
from volano.serving.chat import open_chat

AtTarget = Callable[[str, str], AbstractContextManager[Chat]]
PriceOf = Callable[[str, str], Price | None]


@dataclass(frozen=True)
class Party:
    """`who` names what answers, `subject` the whole in words; `settings` are those of its prompt."""

    who: str
    subject: str
    prompt: Prompt
    settings: Mapping[str, Any]
    open: Callable[[], AbstractContextManager[Chat]]
    price: Price | None = None


class Parties:
    """Makes parties of what rules say: servers by URL, targets and models of the workspace."""

    def __init__(
        self,
        examiner: Examiner,
        models: Models,
        respondents: Respondents,
        *,
        is_target: Callable[[str], bool],
        at_target: AtTarget,
        price_of: PriceOf,
    ):
        self._examiner = examiner
        self._models = models
        self._respondents = respondents
        self._is_target = is_target
        self._at_target = at_target
        self._price_of = price_of

    def check(self, check: Check) -> None:
        """Make sure that the targets that a check names are there.

        Raises:
            NoTargetHereError: one is not.
        """
        for on in (check.model, check.against):
            target, colon, _ = on.partition(":")
            if not colon or "://" in on or "@" in target or self._is_target(target):
                continue
            if not self._is_model(on):
                raise NoTargetHereError(check=check.name, on=on, target=target)

    def make(
        self, check: Check, on: str, prompt: Prompt | None, settings: Mapping[str, Any],
        by: Principal,
    ) -> Party:  # fmt: skip
        """Return whom a check asks when it asks `on`.

        Raises:
            BadOnError, UnknownArtifactError: there is nobody of this name.
        """
        worded = prompt or Prompt()
        if check.flow:
            return self._flow(on, settings, by)
        subject = f"{check.prompt} on {on}" if check.prompt else on
        all_settings = _settings(worded, settings)
        if "://" in on:
            url, _, model = on.partition("#")
            return Party(on, subject, worded, all_settings, lambda: _server(url, model, check))
        target, colon, model = on.partition(":")
        if colon and "@" not in target and self._is_target(target):
            return Party(
                on, subject, worded, all_settings, lambda: self._at_target(target, model),
                self._price_of(target, model),
            )  # fmt: skip
        return Party(on, subject, worded, all_settings, lambda: self._engine(on))

    def joined(
        self, on: str, flow: Written, prompt: Prompt | None,
        settings: Mapping[str, Any], by: Principal,
    ) -> Party:  # fmt: skip
        """Return a flow that files say: its prompt, and a model of the workspace, as it joins them."""
        worded, model = prompt or Prompt(), str(flow.model)
        return Party(
            model, on, worded, _settings(worded, settings), lambda: self._engine(model),
            self._price(model, by),
        )  # fmt: skip

    def _is_model(self, on: str) -> bool:
        try:
            self._models.get(on)
        except VolanoError:
            return False
        return True

    def _price(self, model: str, by: Principal) -> Price | None:
        """Return the price of a model where it is known here; answers that are recorded need none."""
        try:
            found = self._respondents.askable(Wanted(f"model/{model}"), by)
        except (BadOnError, NotFoundError):
            return None
        return self._price_of(found.target, found.far or found.model.ref)

    def _flow(self, name: str, settings: Mapping[str, Any], by: Principal) -> Party:
        found = self._respondents.askable(Wanted(name), by)
        return Party(
            f"{found.subject}", name, found.prompt, _settings(found.prompt, settings),
            lambda: self._own(found.model), self._price_of(found.target, found.far or found.model.ref),
        )  # fmt: skip

    def _engine(self, ref: str) -> AbstractContextManager[Chat]:
        return self._own(self._models.get(ref.removeprefix("model/")))

    @contextmanager
    def _own(self, model: Any) -> Iterator[Chat]:
        with (
            tempfile.TemporaryDirectory(prefix="volano-") as short,
            self._examiner.chat(model, Path(short)) as chat,
        ):
            yield chat


def _server(url: str, model: str, check: Check) -> AbstractContextManager[Chat]:
    key = os.environ.get(check.key_env) if check.key_env else None
    if check.key_env and not key:
        raise NoKeyError(variable=check.key_env, origin=origin(url))
    return open_chat(url, model, api_key=key.strip() if key else None)


def _settings(prompt: Prompt, suite: Mapping[str, Any]) -> dict[str, Any]:
    return {"temperature": 0, "max_tokens": MAX_TOKENS, **prompt.settings, **suite}
