"""A rehearsal: requests that a candidate answers before anybody waits for its answers.

First each of its engines is asked what the channel was asked last, in the words of the
release, a few tokens each: so weights are paged in, and the beginning that all prompts
share is in the engine's cache. Nothing is recorded and nobody pays. A provider is not
warmed: it is warm, and it costs.

Then, where the plan says so, recorded requests of the channel are asked of the candidate
through the gateway's own port, as replays: recorded, paid for, no evidence. It must
answer every one of them. All of this goes on beside the rollouts' tick, which only looks.
"""

import json
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw

from volano.core.errors import VolanoError
from volano.core.lazy import lazy
from volano.core.principal import SYSTEM
from volano.core.template.wording import Wording
from volano.gateway import snapshot as shape
from volano.gateway.errors import NotReplayableError
from volano.gateway.fill import filled_messages
from volano.gateway.replays import PATHS, Replays
from volano.releases.progress import Rollout
from volano.releases.rehearsed import Rehearsed
from volano.serving.line import engine_client
from volano.traces.keeper import Traces
from volano.traces.trace import Trace
from volano.wire import openai

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = lazy("httpx2")

log = logging.getLogger(__name__)

CHAT = "openai.chat"
PROMPTS = 3
"""So many of the last requests warm an engine."""
TOKENS = 4
TIMEOUT_S = 120.0
AT_ONCE = 4
SEARCHED = 5
"""So many times as many records are looked at as are verified: not each can be asked again."""
SHOWN = 3
ACTS = 100
_USUAL = b'[{"role":"user","content":"Hello!"}]'
_encode = msgspec.json.encode


@dataclass
class Act:
    """What one rollout's candidate is asked: each engine once, then what verifies it."""

    warmed: dict[str, Future[int]] = field(default_factory=dict)
    verified: Future[Rehearsed] | None = None


class Rehearsal:
    """Warms and verifies the candidates of rollouts (port `Rehearse`)."""

    def __init__(
        self,
        *,
        engines_of: Callable[[str], tuple[shape.Flow, list[shape.Target]]],
        replays: Replays,
        traces: Traces,
    ):
        self._engines_of = engines_of
        self._replays = replays
        self._traces = traces
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="rehearsal")
        self._askers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="verify")
        self._acts: dict[str, Act] = {}

    def __call__(self, rollout: Rollout, verify: int) -> Rehearsed:
        """Return how it stands; the first call begins it, and each looks for engines that are new."""
        act = self._acts.setdefault(rollout.id, Act())
        while len(self._acts) > ACTS:
            del self._acts[next(iter(self._acts))]
        try:
            warmed = self._warmed(rollout, act)
        except (VolanoError, OSError) as error:
            return Rehearsed(failed=True, reason=f"it did not warm up: {error}")
        if not warmed.done or not verify:
            return warmed
        if act.verified is None:
            act.verified = self._pool.submit(self._verify, rollout, verify)
        if not act.verified.done():
            return Rehearsed()
        found = act.verified.result()
        reason = found.reason if found.failed else f"{warmed.reason}; {found.reason}"
        return Rehearsed(found.done, found.failed, reason, {**warmed.facts, **found.facts})

    def close(self) -> None:
        """Ask nothing more."""
        for pool in (self._askers, self._pool):
            pool.shutdown(wait=False, cancel_futures=True)

    def _warmed(self, rollout: Rollout, act: Act) -> Rehearsed:
        flow, engines = self._engines_of(rollout.candidate)
        new = [one for one in engines if one.name not in act.warmed]
        prompts = self._prompts(rollout.channel) if new else []
        for engine in new:
            act.warmed[engine.name] = self._pool.submit(_warm, engine, flow, prompts)
        if not all(one.done() for one in act.warmed.values()):
            return Rehearsed()
        took_ms = {name: one.result() for name, one in act.warmed.items()}
        if not took_ms:
            return Rehearsed(done=True, reason="it answers")
        many = "its engine is" if len(took_ms) == 1 else f"its {len(took_ms)} engines are"
        return Rehearsed(done=True, reason=f"{many} warm", facts={"warmed_ms": took_ms})

    def _prompts(self, channel: str) -> list[dict[str, Any]]:
        """Return what the channel was asked last, as chats; nothing where none is recorded."""
        calls = self._traces.list(channel=channel, outcome="ok", limit=SEARCHED * PROMPTS)
        found = []
        for call in calls:
            body = self._chat(call) if call.door == CHAT and _is_asked(call) else None
            if body is not None:
                found.append(body)
        return found[:PROMPTS]

    def _chat(self, call: Trace) -> dict[str, Any] | None:
        try:
            body = json.loads(self._traces.bodies(call).request)
        except (ValueError, VolanoError):
            return None
        return body if isinstance(body, dict) and isinstance(body.get("messages"), list) else None

    def _verify(self, rollout: Rollout, wanted: int) -> Rehearsed:
        """Ask so many recorded requests; each that cannot be asked again is passed over, and told."""
        calls = self._recorded(rollout, wanted)
        if not calls:
            return Rehearsed(done=True, reason="nothing is recorded that could verify it")
        said = list(self._askers.map(lambda call: self._try(call, rollout), calls))
        asked = [one for one in said if one is not None]
        wrong = [one for one in asked if one]
        facts = {"verified": {"asked": len(asked), "failed": len(wrong), "wrong": wrong[:SHOWN]}}
        if wrong:
            reason = f"{len(wrong)} of {len(asked)} recorded requests failed: {wrong[0]}"
            return Rehearsed(failed=True, reason=reason, facts=facts)
        if not asked:
            reason = f"none of {len(calls)} recorded requests could be asked again"
            return Rehearsed(failed=True, reason=reason, facts=facts)
        return Rehearsed(
            done=True, reason=f"{len(asked)} recorded requests were answered", facts=facts
        )

    def _recorded(self, rollout: Rollout, wanted: int) -> list[Trace]:
        """Return the newest requests that clients asked and that were answered well."""
        calls = self._traces.list(
            channel=rollout.channel, outcome="ok", limit=SEARCHED * wanted + AT_ONCE
        )
        fit = [one for one in calls if one.door in PATHS and _is_asked(one)]
        return fit[:wanted]

    def _try(self, call: Trace, rollout: Rollout) -> str | None:
        """Return what is wrong with the candidate's answer; None where it could not be asked."""
        try:
            return self._replays.verify(call, rollout.candidate_ref, by=SYSTEM)
        except NotReplayableError as error:
            log.info("%s", error)
        except VolanoError as error:
            return error.message
        return None


def _warm(engine: shape.Target, flow: shape.Flow, prompts: Sequence[dict[str, Any]]) -> int:
    """Have an engine answer these; return the milliseconds of all. What it refuses says nothing.

    Raises:
        OSError: it does not answer, or breaks.
    """
    began = time.monotonic()
    with engine_client(engine.url, timeout_s=TIMEOUT_S) as client:
        for prompt in prompts or ({},):
            body = {
                "model": engine.model, "messages": _messages(flow, prompt), "max_tokens": TOKENS,
                **engine.fields,
            }  # fmt: skip
            try:
                answer = client.post(engine.path, content=_encode(body))
            except httpx2.TransportError as error:
                raise OSError(f"engine-{engine.name}: {error or type(error).__name__}") from error
            if answer.status_code >= 500:
                raise OSError(f"engine-{engine.name}: {answer.status_code} {answer.text[:200]}")
    return round((time.monotonic() - began) * 1000)


def _messages(flow: shape.Flow, prompt: dict[str, Any]) -> Raw:
    """Return a chat in the words of a flow; the bare chat where the flow cannot be filled with it."""
    said = Raw(_encode(prompt["messages"]) if prompt else _USUAL)
    given = Raw(_encode(prompt["variables"])) if "variables" in prompt else UNSET
    try:
        if flow.wording is not None:
            return Raw(filled_messages(Wording.from_dict(flow.wording), said, given))
        return Raw(openai.wrap_messages(said, _encode(flow.before)[1:-1], flow.user))
    except (VolanoError, openai.FieldError):
        return said


def _is_asked(call: Trace) -> bool:
    """Whether a client asked it, and a model answered: no replay, no copy, no answer of before."""
    return not (call.replayed or call.repeated or call.shadowed)
