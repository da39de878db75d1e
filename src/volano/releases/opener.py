"""Opens a channel in one sentence: a pass-through flow, a signed release, the channel.

For whoever wants a gateway in front of a provider, or a model of their own, and nothing else. All of it is
there afterwards as if it had been said step by step: versions, signature, a rollout
with its events. Said again it changes nothing.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.flows.keeper import Flows
from volano.models.keeper import Models
from volano.models.pointer import pointer_of, pool_of
from volano.models.wording import SLOT, prompt_of
from volano.prompts.keeper import Prompts
from volano.releases.channel import Channel, check_channel_name
from volano.releases.errors import (
    OpenedOtherwiseError,
    OpenWithWhatError,
    RolloutOverError,
    UnknownChannelError,
)
from volano.releases.keeper import Releases
from volano.store.artifact import Artifact

Facts = dict[str, Any]


class Opener:
    """Opens channels for the models of one workspace."""

    def __init__(self, *, models: Models, prompts: Prompts, flows: Flows, releases: Releases):
        self._models = models
        self._prompts = prompts
        self._flows = flows
        self._releases = releases

    def open(
        self,
        name: str,
        *,
        model: Ref | str | None = None,
        at: Sequence[str] = (),
        strategy: str = "ordered",
        weights: Sequence[str | int] = (),
        latency_ms: int | None = None,
        fallback: Sequence[str] = (),
        settings: Mapping[str, Any] | None = None,
        by: Principal,
    ) -> Facts:
        """Open a channel to a model, or to entries such as `openai:gpt-5` (`Models.add_pointer`).

        `settings` fill what clients leave out; without them the request is passed on as it came.
        A model of our own is asked in the words that it was trained in (`prompt_of`), as a prompt
        of the channel's name; `settings` come before its own.

        Raises:
            BadChannelNameError: the name is none.
            OpenWithWhatError: neither a model nor entries, or both.
            OpenedOtherwiseError: the channel is open with another release; this one waits, signed.
            UnknownArtifactError, ModelNotUsableError, BadPointerError: the model is no good.
        """
        name = check_channel_name(name)
        if bool(model) == bool(at):
            raise OpenWithWhatError(name=name)
        if model:
            if weights or latency_ms or fallback or strategy != "ordered":
                raise OpenWithWhatError(name=name)
            found = self._models.get(model)
        else:
            found = self._models.add_pointer(
                name, at=at, strategy=strategy, weights=weights, latency_ms=latency_ms,
                fallback=fallback, by=by,
            )  # fmt: skip
        release, flow = self._cut(name, found, settings, by)
        facts: Facts = {
            "channel": name, "release": release.ref, "flow": flow.ref, "model": found.ref,
        }  # fmt: skip
        served = self._served(name)
        if served is None:
            self._begin(name, release, found, by)
            return {**facts, "new": True, "says": f"is open: {release.ref}, which asks {found.ref}"}
        if served.stable != release.digest:
            raise OpenedOtherwiseError(name=name, serves=served.stable_ref, release=release.ref)
        return {**facts, "new": False, "says": f"is open already, with {release.ref}: nothing new"}

    def _cut(
        self, name: str, model: Artifact, settings: Mapping[str, Any] | None, by: Principal
    ) -> tuple[Artifact, Artifact]:
        """Return the release and its flow; those that are there already when nothing is new."""
        said = _said(model, settings)
        prompt = self._prompts.save(name, **said, by=by).ref if said else None
        flow = self._flows.compose(name, model=model.ref, prompt=prompt, by=by)
        return self._releases.cut(name, flow=flow.ref, by=by), flow

    def _served(self, name: str) -> Channel | None:
        try:
            return self._releases.channel(name)
        except UnknownChannelError:
            return None

    def _begin(self, name: str, release: Artifact, model: Artifact, by: Principal) -> None:
        """Move the new channel to its release; engines of our own are waited for, as ever."""
        rollout = self._releases.promote(release.ref, channel=name, plan="100%", by=by)
        if _elsewhere(model):
            with suppress(RolloutOverError):  # the reconciler was faster
                self._releases.end(rollout, "arrived", {"reason": "nothing to warm up"}, by=by)


def _said(model: Artifact, settings: Mapping[str, Any] | None) -> Facts:
    """Return what a prompt must say around a request; empty where it is passed on as it came."""
    own = prompt_of(model)
    own["settings"] = {**own["settings"], **(settings or {})}
    return own if own != {"template": SLOT, "settings": {}} else {}


def _elsewhere(model: Artifact) -> bool:
    """Whether no engine of our own must start for it."""
    pool = pool_of(model)
    if pool is not None:
        return all(entry.target for entry in pool.entries)
    return pointer_of(model) is not None
