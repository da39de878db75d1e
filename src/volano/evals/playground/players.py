"""Players: who can be asked in the playground, by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from volano.core.errors import InvalidError, NotFoundError
from volano.flows.keeper import Flows
from volano.models.keeper import Models
from volano.models.pointer import pointer_of, pool_of
from volano.prompts.prompt import Prompt
from volano.store.artifact import Artifact

CHANNEL, MODEL, FLOW, TARGET = "channel", "model", "flow", "target"
KINDS = (CHANNEL, MODEL, FLOW)
MOST = 6
_SHOWN = 50


class UnknownPlayerError(InvalidError):
    """There is no channel, model or flow `{name}`, and no target of this name."""

    hint = "See `volano channel list`, `volano model list`, or name a target: openai:gpt-5."


class PlayersError(InvalidError):
    """The playground asks one to {most} at a time, not {n}."""

    hint = "Name them with --model, one after the other."


@dataclass(frozen=True)
class Player:
    """One that is asked. `prompt` is its own, where it brings one."""

    name: str
    kind: str
    ref: str
    model: Artifact | None = None
    prompt: Prompt | None = None
    target: str = ""
    far: str = ""

    @property
    def own(self) -> bool:
        """Whether it brings its own prompt, and is given the user's words only."""
        return self.kind in (CHANNEL, FLOW)


class Players:
    """Finds players. `look_up` raises when there is no target of a name; `prompt_in` is a channel's."""

    def __init__(
        self,
        models: Models,
        flows: Flows,
        channels: Callable[[], Sequence[str]],
        look_up: Callable[[str], object],
        prompt_in: Callable[[str], Prompt | None] = lambda _channel: None,
    ):
        self._models = models
        self._flows = flows
        self._channels = channels
        self._look_up = look_up
        self._prompt_in = prompt_in

    def choices(self) -> dict[str, list[str]]:
        """Return the names that can be asked: channels, then the newest versions of models and flows."""
        return {
            CHANNEL: [f"{CHANNEL}/{name}" for name in self._channels()],
            MODEL: [f"{MODEL}/{ref}" for ref in _newest(self._models.list(limit=_SHOWN))],
            FLOW: [f"{FLOW}/{ref}" for ref in _newest(self._flows.list(limit=_SHOWN))],
        }

    def read(self, names: Sequence[str]) -> list[str]:
        """Return the names, each once; commas part them, too.

        Raises:
            PlayersError: none, or too many.
        """
        split = [part.strip() for name in names for part in name.split(",")]
        found = list(dict.fromkeys(filter(None, split)))
        if not 1 <= len(found) <= MOST:
            raise PlayersError(most=MOST, n=len(found))
        return found

    def find(self, name: str) -> Player:
        """Return what a name means: `model/router@1` says the kind; `openai:gpt-5` is asked at a target.

        Without a kind it is taken for TARGET:MODEL, then for a channel, a model, a flow.

        Raises:
            UnknownPlayerError: nothing has this name.
            UnknownArtifactError, BadRefError: nothing of this kind has.
        """
        kind, slash, rest = name.partition("/")
        if slash and kind in KINDS:
            return self._of(kind, rest, name)
        target, colon, far = name.partition(":")
        if colon and "@" not in target and self._is(self._look_up, target):
            return Player(name, TARGET, name, target=target, far=far)
        if name in self._channels():
            return self._of(CHANNEL, name, name)
        for kind, room in ((MODEL, self._models), (FLOW, self._flows)):
            if self._is(room.get, name):
                return self._of(kind, name, name)
        raise UnknownPlayerError(name=name[:120])

    def _of(self, kind: str, ref: str, name: str) -> Player:
        if kind == CHANNEL:
            if ref not in self._channels():
                raise UnknownPlayerError(name=name[:120])
            return Player(name, CHANNEL, ref, prompt=self._prompt_in(ref))
        if kind == FLOW:
            flow = self._flows.get(ref)
            compiled = self._flows.compile(flow)
            return self._at(Player(name, FLOW, flow.ref, compiled.model, compiled.prompt))
        model = self._models.get(ref)
        return self._at(Player(name, MODEL, model.ref, model))

    def _at(self, player: Player) -> Player:
        """Say where its model is: at a target, at an address, or (neither) an engine of ours."""
        model = player.model
        assert model is not None
        pool, pointer = pool_of(model), pointer_of(model)
        if pool is not None:
            first = pool.entries[0]
            if first.target is not None:
                return _with(player, target=first.target, far=first.model)
            return self._at(_with(player, model=self._models.get(first.model)))
        return _with(player, far=pointer.model) if pointer is not None else player

    @staticmethod
    def _is(look: Callable[[str], object], name: str) -> bool:
        try:
            look(name)
        except (NotFoundError, InvalidError):
            return False
        return True


def _with(player: Player, **more: Any) -> Player:
    return Player(**{**player.__dict__, **more})


def _newest(found: Sequence[Artifact]) -> list[str]:
    """Return the newest ref of each name."""
    names: dict[str, str] = {}
    for one in found:
        names.setdefault(one.name, one.ref)
    return list(names.values())
