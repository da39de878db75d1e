"""Replays: a recorded request asked again, to see what another release answers.

It goes through the gateway's own port like any other call, so that limits,
budgets, guards and the record hold for it: with a key of an hour in the group of
the recorded call, the tag `replay`, no cache, and no part in a rollout's evidence.
Its trace id is drawn here, so that the unit belongs to the arm that is wanted.
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from volano.access.keeper import Keys
from volano.core.clock import Clock
from volano.core.lazy import lazy
from volano.core.principal import Principal
from volano.gateway.choose import choose
from volano.gateway.errors import NotReplayableError, NotServedError, NotUpError
from volano.gateway.inside import Inside
from volano.gateway.keeper import Gateway
from volano.releases.channel import Arm, Channel, arms
from volano.releases.keeper import Releases
from volano.store.ledger import Ledger
from volano.traces.content import Content
from volano.traces.keeper import Traces
from volano.traces.row import READERS
from volano.traces.trace import Trace

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = lazy("httpx2")

PATHS = {
    "openai.chat": "/v1/chat/completions",
    "openai.responses": "/v1/responses",
    "openai.completions": "/v1/completions",
    "anthropic.messages": "/v1/messages",
}
"""The doors whose requests can be asked again."""
TIMEOUT_S = 120.0
_DRAWS = 200_000
_OURS = (413, 429)
"""What the gateway says of the caller: nothing of the release."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    channel: Channel
    arm: Arm


class Replays:
    """Asks recorded requests again. `address` is that of the gateway's port."""

    def __init__(
        self,
        *,
        traces: Traces,
        releases: Callable[[], Releases],
        keys: Keys,
        gateway: Gateway,
        ledger: Ledger,
        clock: Clock,
        address: str,
    ):
        self._traces = traces
        self._releases = releases
        self._gateway = gateway
        self._ledger = ledger
        self._inside = Inside("replay", keys=keys, clock=clock, address=address)

    def replay(
        self,
        trace_id: str,
        *,
        release: str | None = None,
        channel: str | None = None,
        span: str | None = None,
        by: Principal,
    ) -> dict[str, Any]:
        """Ask a recorded request again; return the old and the new answer side by side.

        It goes to `channel` (else the recorded one), to its stable release or to
        `release`; a release that another channel serves is asked there. Of a trace
        with several calls the newest is asked, or the one of `span`. A streamed
        request is asked for a whole answer.

        Raises:
            UnknownTraceError, UnknownChannelError: there is none.
            NotReplayableError: no call, no body, or a door that cannot be asked again.
            NotServedError: no channel serves this release.
            NotUpError: volano is not up here.
        """
        old, body = self._recorded(trace_id, span)
        wanted = self._wanted(old, release, channel)
        if not self._gateway.status():
            raise NotUpError
        new_id = _draw(wanted)
        body |= {"model": wanted.channel.name}
        content = {"channel": wanted.channel.name, "release": wanted.arm.release, "trace": new_id}
        self._ledger.append("replay", f"trace/{trace_id}", (), content, by=by)
        status, headers, raw, took_us = self._ask(old, body, new_id, by)
        return {
            "id": new_id, "of": trace_id, "channel": wanted.channel.name,
            "release": headers.get("x-volano-release", "") or wanted.arm.release,
            "old": _old(old), "new": _new(old.door, body, status, raw, took_us),
        }  # fmt: skip

    def verify(self, trace: Trace, release: str, *, by: Principal) -> str:
        """Ask a recorded request of a release that its channel serves or warms, whatever its share.

        Returns what is wrong with the answer: nothing where it is well.

        Raises:
            NotReplayableError: this request cannot be asked again.
        """
        old, body = self._recorded(trace.id, trace.span_id)
        named = {"x-volano-ask-release": release}
        status, headers, raw, _ = self._ask(old, body, secrets.token_hex(16), by, named)
        if headers.get("x-volano-release") not in (None, release):
            raise NotReplayableError(trace=trace.id, why=f"the gateway does not know {release} yet")
        if 200 <= status < 300:
            return ""
        if status in _OURS:
            why = f"the gateway let it not through (status {status})"
            raise NotReplayableError(trace=trace.id, why=why)
        return f"status {status}: {raw[:200].decode('utf-8', 'replace')}"

    def choices(self, trace: Trace) -> list[str]:
        """Return the releases that can be asked now, those of the trace's channel first."""
        found: dict[str, None] = {}
        for channel in sorted(self._releases().channels(), key=lambda c: c.name != trace.channel):
            for arm in self._releases().arms(channel):
                if arm.share and arm.role != "shadow":
                    found[arm.release] = None
        return list(found)

    def _recorded(self, trace_id: str, span: str | None) -> tuple[Trace, dict[str, Any]]:
        calls = self._traces.calls(trace_id)
        found = [call for call in calls if span in (None, call.span_id)]
        if not found:
            why = (
                f"the span `{span}` is no call of it" if calls else "it has no call of the gateway"
            )
            raise NotReplayableError(trace=trace_id, why=why)
        old = found[-1]
        if old.door not in PATHS:
            raise NotReplayableError(
                trace=trace_id, why=f"it came by the door {old.door or 'unknown'}"
            )
        try:
            body = json.loads(self._traces.bodies(old).request)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise NotReplayableError(trace=trace_id, why="its request was not kept, or is no JSON")
        return old, {k: v for k, v in body.items() if k not in ("stream", "stream_options")}

    def _wanted(self, old: Trace, release: str | None, channel: str | None) -> _Wanted:
        releases = self._releases()
        if channel is None and release is not None:
            for one in sorted(releases.channels(), key=lambda c: c.name != old.channel):
                for arm in releases.arms(one):
                    if arm.release == release and arm.share and arm.role != "shadow":
                        return _Wanted(one, arm)
            raise NotServedError(release=release[:200], channel="any channel")
        found = releases.channel(channel or old.channel)
        for arm in releases.arms(found):
            if arm.role == "shadow":
                continue  # nobody is answered by it
            if arm.share and (arm.role == "stable" if release is None else arm.release == release):
                return _Wanted(found, arm)
        raise NotServedError(release=(release or found.stable_ref)[:200], channel=f"`{found.name}`")

    def _ask(
        self, old: Trace, body: Mapping[str, Any], new_id: str, by: Principal,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[int, Mapping[str, str], bytes, int]:  # fmt: skip
        headers = {
            **self._inside.headers(old.group, by),
            "traceparent": f"00-{new_id}-{secrets.token_hex(8)}-01",
            "x-volano-unit": new_id,
            "x-volano-replay": old.id,
            "x-volano-cache": "off",
            **more,
        }
        if old.door.startswith("anthropic."):
            headers["anthropic-version"] = "2023-06-01"
        sent = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        try:
            with self._inside.client(TIMEOUT_S) as to:
                began = time.monotonic_ns()
                answer = to.post(PATHS[old.door], content=sent, headers=headers)
        except httpx2.TransportError as error:
            raise NotReplayableError(
                trace=old.id, why=f"the gateway gave no answer ({error or type(error).__name__})"
            ) from error
        took_us = (time.monotonic_ns() - began) // 1000
        return answer.status_code, answer.headers, answer.content, took_us


def _draw(wanted: _Wanted) -> str:
    """Return a trace id, which is also the unit, that the wanted arm serves."""
    served = (arm for arm in arms(wanted.channel) if arm.role != "shadow")
    shares = [_Share(arm.role, arm.share, arm) for arm in served]
    for _ in range(_DRAWS):
        drawn = secrets.token_hex(16)
        if choose(shares, wanted.channel.salt, drawn).of.release == wanted.arm.release:
            return drawn
    raise NotServedError(release=wanted.arm.release, channel=f"`{wanted.channel.name}`")


@dataclass(frozen=True, slots=True)
class _Share:
    arm: str
    share: int
    of: Arm


def _old(old: Trace) -> dict[str, Any]:
    return {
        "release": old.release, "outcome": old.outcome, "text": old.output_text,
        "latency_us": old.latency_us, "prompt_tokens": old.prompt_tokens,
        "completion_tokens": old.completion_tokens, "error": old.error,
    }  # fmt: skip


def _new(
    door: str, body: Mapping[str, Any], status: int, raw: bytes, took_us: int
) -> dict[str, Any]:
    well = 200 <= status < 300
    content = READERS[door](json.dumps(body).encode(), raw) if well else Content()
    return {
        "outcome": "ok" if well else "error", "text": content.output_text, "latency_us": took_us,
        "prompt_tokens": content.prompt_tokens, "completion_tokens": content.completion_tokens,
        "error": None if well else f"status {status}: {raw[:500].decode('utf-8', 'replace')}",
    }  # fmt: skip
