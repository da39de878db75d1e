"""On: whom a suite is asked, by name.

support                     a flow, a model, a channel (its stable release) or a prompt
channel/support             the same with its kind, where several things have one name
openai:gpt-5                a model at a target
https://host/v1#model       any OpenAI-compatible server
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from volano.core.errors import NotFoundError
from volano.core.principal import Principal
from volano.evals.candidates import FAR, FLOW, MODEL, Askable, Candidates, Named, plain
from volano.evals.errors import BadOnError
from volano.models.keeper import Models
from volano.prompts.keeper import Prompts
from volano.store.artifact import Artifact

KINDS = (FLOW, MODEL, "channel", "prompt")
ChannelFlow = Callable[[str], Artifact]
"""The flow that a channel's stable release pins. Raises NotFoundError: there is no such channel."""


def _no_channel(name: str) -> Artifact:
    raise NotFoundError(f"There is no channel `{name}`.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was said: a name, for a prompt also a model, for a server the variable of its key."""

    on: str
    model: str = ""
    key_env: str = ""


class Respondents:
    """Finds whom to ask."""

    def __init__(
        self,
        candidates: Candidates,
        models: Models,
        prompts: Prompts,
        channel_flow: ChannelFlow = _no_channel,
    ):
        self._candidates = candidates
        self._models = models
        self._prompts = prompts
        self._channel_flow = channel_flow

    def check(self, wanted: Wanted) -> str:
        """Return the name again with versions pinned, if there is such a thing.

        Raises:
            BadOnError: nothing has this name, or it cannot be asked so.
        """
        if "://" in wanted.on:
            if wanted.on.count("#") != 1 or wanted.on.endswith("#"):
                raise BadOnError(
                    on=wanted.on[:200], why="a server is named with the model: URL#MODEL"
                )
            return wanted.on
        if self._far(wanted.on):
            return wanted.on
        kind, artifact = self._found(wanted.on)
        if kind == "prompt" and not wanted.model:
            raise BadOnError(on=wanted.on, why="a prompt needs a model: say --model")
        return wanted.on if kind == "channel" else f"{kind}/{artifact.ref}"

    def askable(self, wanted: Wanted, by: Principal) -> Askable:
        """Return what is ready to be asked.

        Raises:
            BadOnError, UnknownArtifactError, BadPointerError: it is gone, or cannot be asked.
        """
        if "://" in wanted.on:
            return self._server(wanted, by)
        if self._far(wanted.on):
            return self._candidates.askable(Named(wanted.on, FAR, wanted.on), None, by)
        kind, artifact = self._found(wanted.on)
        if kind == "prompt":
            return self._worded(artifact, wanted.model, by)
        named = Named(wanted.on, MODEL if kind == MODEL else FLOW, artifact.ref)
        return self._candidates.askable(named, None, by)

    def _server(self, wanted: Wanted, by: Principal) -> Askable:
        url, _, name = wanted.on.partition("#")
        model = self._models.add_pointer(
            plain(f"{name} at {url.partition('://')[2]}"), url=url, model=name,
            key_env=wanted.key_env or None, by=by,
        )  # fmt: skip
        return self._candidates.askable(Named(wanted.on, MODEL, model.ref), None, by)

    def _worded(self, prompt: Artifact, model: str, by: Principal) -> Askable:
        kind = FAR if self._far(model) else MODEL
        ref = model if kind == FAR else self._models.get(model.removeprefix("model/")).ref
        one = self._candidates.askable(Named(model, kind, ref), None, by)
        return replace(one, subject=prompt, prompt=self._prompts.read(prompt))

    def _far(self, name: str) -> bool:
        return ":" in name and self._candidates.far(name)

    def _found(self, said: str) -> tuple[str, Artifact]:
        kind, slash, name = said.partition("/")
        known = kind in KINDS and slash
        for one in (kind,) if known else KINDS:
            try:
                return one, self._get(one, name if known else said)
            except NotFoundError:
                continue
        raise BadOnError(
            on=said[:200], why="there is no flow, model, channel or prompt of this name"
        )

    def _get(self, kind: str, name: str) -> Artifact:
        if kind == "channel":
            return self._channel_flow(name)
        if kind == "prompt":
            return self._prompts.get(name)
        return self._candidates.get(kind, name)
