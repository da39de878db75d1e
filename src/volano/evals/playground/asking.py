"""Asking: one player is asked once; pieces come as they come, then the Take."""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from volano.core.clock import Clock
from volano.core.errors import UnavailableError, VolanoError
from volano.core.ports.chat import Answer
from volano.core.principal import Principal
from volano.core.schema import response_format
from volano.costs.budget import covers
from volano.costs.keeper import Costs, Frames
from volano.costs.price import Price, cost
from volano.evals.playground.players import CHANNEL, Player
from volano.evals.playground.sketch import INPUT, Sketch
from volano.evals.playground.take import Take, state_of
from volano.evals.playground.warm import Warm
from volano.evals.quiet import hushed, quiet_stream
from volano.evals.redacted import Held, keys
from volano.models.errors import ModelNotUsableError
from volano.prompts.prompt import Prompt
from volano.serving import HttpChat
from volano.traces.frame import Call, Kind, encode
from volano.wire.exchange import Usage

TAG = "playground"
MAX_TOKENS = 512
UNSAVED = "unsaved"
"""What the tag says where there is no prompt yet."""

ChatAt = Callable[[str, str], AbstractContextManager[HttpChat]]
"""Opens a chat with a model (second) at a target (first)."""
PriceOf = Callable[[str, str], Price | None]
"""The price of a model (second) at a target (first; empty: an engine of ours)."""


class ChatIn(Protocol):
    """Opens a chat with a channel through the gateway's own port."""

    def __call__(
        self, channel: str, trace_id: str, what: str, by: Principal
    ) -> AbstractContextManager[HttpChat]:
        """Raises: a VolanoError where it cannot be asked."""
        ...


class NothingLeftError(UnavailableError):
    """The budget of {subject} is spent."""

    hint = "See `volano cost budgets`, or set it anew: `volano cost budget {subject} --amount …`."


class Asking:
    """Asks. What does not pass the gateway is priced, held to the budgets and recorded here."""

    def __init__(
        self, *, chat_in: ChatIn, chat_at: ChatAt, warm: Warm, price_of: PriceOf,
        provider_of: Callable[[str], str], costs: Costs, frames: Frames, clock: Clock,
        held: Held = tuple,
    ):  # fmt: skip
        self._chat_in = chat_in
        self._chat_at = chat_at
        self._warm = warm
        self._price_of = price_of
        self._provider_of = provider_of
        self._costs = costs
        self._frames = frames
        self._clock = clock
        self._held = held

    def ask(
        self,
        player: Player,
        sketch: Sketch,
        values: Mapping[str, Any] | None = None,
        *,
        by: Principal,
    ) -> Iterator[str | Take]:
        """Yield the pieces of the answer, at last the Take. No error comes out: it is in the Take.

        No key that we ask with stands in any of it, also where a server repeats one.
        """
        trace, began_us, began = secrets.token_hex(16), self._clock.now_us(), time.monotonic_ns()
        texts: list[str] = []
        first_us: int | None = None
        whole: Answer | None = None
        error: VolanoError | None = None
        sent: dict[str, Any] = {}
        try:
            sent, held = wanted(player, sketch, values), keys((), self._held())
            with hushed(held), self._open(player, trace, sketch.ref or UNSAVED, by) as chat:
                began_us, began = self._clock.now_us(), time.monotonic_ns()
                for piece in quiet_stream(chat.stream(**sent), held):
                    if isinstance(piece, Answer):
                        whole = piece
                        continue
                    first_us = first_us or (time.monotonic_ns() - began) // 1000
                    texts.append(piece)
                    yield piece
        except VolanoError as told:
            error = told
        finally:
            latency_us = (time.monotonic_ns() - began) // 1000
            take = self._take(player, "".join(texts), whole, error, first_us, latency_us, trace)
            if player.kind != CHANNEL and sent:
                self._record(player, sent, take, began_us, sketch, by)
        yield take

    def _open(
        self, player: Player, trace: str, what: str, by: Principal
    ) -> AbstractContextManager[Any]:
        if player.kind == CHANNEL:
            return self._chat_in(player.ref, trace, what, by)
        self._may_spend(by)
        if player.target:
            return self._chat_at(player.target, player.far)
        if player.model is None:
            raise ModelNotUsableError(model=player.ref, reason="nothing here can ask it")
        return self._warm.chat(player.model)

    def _may_spend(self, by: Principal) -> None:
        """Hold it to the budgets of who asks. Raises NothingLeftError."""
        for one in self._costs.budgets():
            kind, _, name = one.subject.partition(":")
            if covers(kind, name, key_id="", group=by.group, channel="") and one.left.nano <= 0:
                raise NothingLeftError(subject=one.subject)

    def _take(
        self,
        player: Player,
        text: str,
        whole: Answer | None,
        error: VolanoError | None,
        first_us: int | None,
        latency_us: int,
        trace: str,
    ) -> Take:
        channel = player.ref if player.kind == CHANNEL else ""
        if error is not None:
            return Take(
                player.name, "error", text, error.message, error.advice, first_us=first_us,
                latency_us=latency_us, trace=trace, channel=channel,
            )  # fmt: skip
        answer = whole or Answer(text, "cut")
        nano, currency = self._cost(player, answer, latency_us)
        return Take(
            player.name, state_of(answer), answer.text,
            prompt_tokens=answer.prompt_tokens, completion_tokens=answer.completion_tokens,
            first_us=first_us, latency_us=latency_us, cost_nano=nano, currency=currency,
            trace=trace, channel=channel,
        )  # fmt: skip

    def _cost(self, player: Player, answer: Answer, latency_us: int) -> tuple[int | None, str]:
        if player.kind == CHANNEL or answer.completion_tokens is None:
            return None, ""
        price = self._price_of(player.target, player.far or player.ref)
        if price is None:
            return None, ""
        usage = Usage(input=answer.prompt_tokens or 0, output=answer.completion_tokens)
        return cost(price, usage, duration_us=latency_us), price.currency

    def _record(
        self,
        player: Player,
        sent: Mapping[str, Any],
        take: Take,
        began_us: int,
        sketch: Sketch,
        by: Principal,
    ) -> None:
        """Leave a trace, as a call through the gateway does."""
        model = player.far or (player.model.ref if player.model else player.ref)
        outcome = "error" if take.state == "error" else "ok"
        usage = {"prompt_tokens": take.prompt_tokens, "completion_tokens": take.completion_tokens}
        message = {"role": "assistant", "content": take.text}
        said = {"object": "chat.completion", "choices": [{"index": 0, "message": message}]}
        if take.completion_tokens is not None:
            said["usage"] = usage  # type: ignore[assignment]
        frame = Call(
            id=take.trace, span_id=secrets.token_hex(8), began_us=began_us,
            ended_us=began_us + (take.latency_us or 0),
            first_us=None if take.first_us is None else began_us + take.first_us,
            group=by.group, unit=take.trace, door="openai.chat",
            target=player.target or "engine", model=model, streamed=True,
            status=200 if outcome == "ok" else 502, outcome=outcome, error=take.error or None,
            request=_json({"model": model, "stream": True, **sent}), response=_json(said),
            worker="control", tags={TAG: sketch.ref or UNSAVED, "replay": TAG},
            provider=self._provider_of(player.target) if player.target else "engine",
        )  # fmt: skip
        self._frames.append(int(Kind.CALL), encode(frame))


def wanted(
    player: Player, sketch: Sketch, values: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the messages and settings that this player is sent.

    A channel and a flow bring their own prompt: they are given the user's words, and those of
    our values that it has variables for.

    Raises:
        BadPromptError: the sketch is no prompt, or a value is missing.
    """
    words = sketch.words(values)
    prompt = player.prompt
    if player.kind == CHANNEL:
        more = {} if prompt is None or prompt.plain else sketch.given(prompt, values)
        more.pop(INPUT, None)
        return {"messages": _user(words), **({"variables": more} if more else {})}
    if prompt is not None:
        messages = prompt.render({INPUT: words, **sketch.given(prompt, values)})
        return {"messages": messages, "max_tokens": MAX_TOKENS, **_asked_with(prompt)}
    return {
        "messages": sketch.render(values), "max_tokens": MAX_TOKENS, **_asked_with(sketch.prompt),
    }  # fmt: skip


def _asked_with(prompt: Prompt) -> dict[str, Any]:
    if prompt.schema is None:
        return dict(prompt.settings)
    return {**prompt.settings, "response_format": response_format(prompt.schema)}


def _user(text: str) -> Sequence[dict[str, str]]:
    return [{"role": "user", "content": text}]


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
