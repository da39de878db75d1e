"""Rehearsals: a release is asked what was recorded, though no channel serves it.

The request becomes what the gateway itself would send (`render`): the flow's words around the
client's, its settings where none are said. It goes straight to the release's model: an engine of
its own, or where the model is, the first entry of a pool. It is no traffic: no key, no limit
and no trace has it.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from volano.core.ports.chat import Answer, Chat
from volano.gateway import errors as no
from volano.gateway.render import around, around_chat
from volano.gateway.routes import Route
from volano.gateway.snapshot import Arm, Flow
from volano.releases.compatibility.rehearsal import Ask as AskRelease
from volano.store.artifact import Artifact
from volano.wire import openai
from volano.wire.dialects.all import SERVED, SPOKEN
from volano.wire.exchange import CannotSayError

_CHAT = "openai.chat"
_DROPPED = ("model", "stream", "stream_options", "store", "metadata", "user", "safety_identifier")
"""What is for the gateway and the provider's books, and not for the answer."""


class Rehearsals:
    """Opens releases to be asked. `flow_of` compiles one, `model_of` tells its model, `chat` opens that."""

    def __init__(
        self,
        *,
        flow_of: Callable[[Artifact], Flow],
        model_of: Callable[[Artifact], Artifact],
        chat: Callable[[Artifact, Path], AbstractContextManager[Chat]],
    ):
        self._flow_of = flow_of
        self._model_of = model_of
        self._chat = chat

    @contextmanager
    def open(self, releases: Sequence[Artifact]) -> Iterator[Sequence[AskRelease]]:
        """Open releases; those of one model share its engine.

        Raises:
            VolanoError: one cannot be asked from here.
        """
        with ExitStack() as stack:
            chats: dict[str, Chat] = {}
            asks: list[AskRelease] = []
            for release in releases:
                model = self._model_of(release)
                if model.digest not in chats:
                    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="volano-"))
                    chats[model.digest] = stack.enter_context(self._chat(model, Path(folder)))
                route = Route(_arm(release, self._flow_of(release)), [])
                asks.append(partial(_ask, chats[model.digest], route))
            yield asks


def _ask(chat: Chat, route: Route, door: str, body: bytes) -> Answer:
    said = rendered(route, door, body)
    return chat(said.pop("messages"), **said)


def rendered(route: Route, door: str, body: bytes) -> dict[str, Any]:
    """Return a recorded request in the words of OpenAI's chat, with what the flow says.

    Raises:
        VolanoError: the request does not fit the flow, as its caller would be told.
    """
    try:
        raw = _chat(route, body) if door == _CHAT else _translated(route, door, body)
    except (
        CannotSayError,
        openai.FieldError,
        openai.MalformedError,
        msgspec.MsgspecError,
    ) as error:
        raise no.CannotRehearseError(reason=error) from None
    said: Mapping[str, Any] = json.loads(raw)
    return {name: one for name, one in said.items() if name not in _DROPPED and one is not None}


def _chat(route: Route, body: bytes) -> bytes:
    chat = openai.read_chat(body)
    return body if route.plain else around_chat(body, chat, route, {})


def _translated(route: Route, door: str, body: bytes) -> bytes:
    if door not in SERVED:
        raise no.CannotRehearseError(reason=f"it came by the door {door}")
    read = SERVED[door].read_ask
    ask = read(body) if route.plain else around(body, None, read, route)
    extra = {name: raw for name, raw in ask.extra.items() if name not in _DROPPED}
    return SPOKEN[_CHAT].write_ask(structs.replace(ask, model="-", extra=extra))


def _arm(release: Artifact, flow: Flow) -> Arm:
    return Arm(release=release.ref, release_digest=str(release.digest), targets=(), flow=flow)
