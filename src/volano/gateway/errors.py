"""What the gateway refuses, and what to do about it."""

import math

from volano.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    VolanoError,
)
from volano.gateway.denied import Denied


class NoKeyError(UnauthenticatedError):
    """This call needs a key."""

    hint = "Send `Authorization: Bearer vk_...`; create a key with `volano key create NAME`."


class WrongKeyError(UnauthenticatedError):
    """This key is not known here, has expired or was revoked."""

    hint = "See the keys with `volano key list`; create one with `volano key create NAME`."


class ScopeError(ForbiddenError):
    """This key may not call the channel `{channel}`."""

    hint = "It may call: {allowed}. Give it the scope `chat:{channel}` to change that."


class DoorScopeError(ForbiddenError):
    """This key may not come in by the door `{door}`."""

    hint = "Give it the scope `door:{door}` with `volano key update {id}` to change that."


class AddressError(ForbiddenError):
    """This key may not be used from the address {address}."""

    hint = "The owner can add the address with `volano key update {id} --ips …`."


class RateLimitError(VolanoError):
    """{subject} is at its limit of {limit}: {used}."""

    hint = "{retry} The owner can raise it with `volano gateway limit {name}`."
    headers = b""

    @classmethod
    def of(cls, denied: Denied) -> "RateLimitError":
        """Say whose limit of what is reached, and when to try again."""
        kind, _, name = denied.subject.partition("/")
        what, used = _WORDS[denied.measure]
        facts = {"name": denied.subject, "code": "rate_limit_exceeded"}
        if denied.retry_after_s is None:
            error: RateLimitError = TooManyTokensError(
                subject=f"the {kind} `{name}`", asked=f"{denied.asked:,}",
                limit=f"{denied.limit:,} {what}", **facts,
            )  # fmt: skip
        else:
            seconds = math.ceil(denied.retry_after_s)
            error = cls(
                subject=f"The {kind} `{name}`", limit=f"{denied.limit:,} {what}",
                used=used.format(used=f"{denied.used:,}", asked=f"{denied.asked:,}"),
                retry=f"Try again in {seconds} s.", **facts,
            )  # fmt: skip
        error.headers = denied.headers()
        return error


class BudgetSpentError(RateLimitError):
    """The budget of {subject} has no room for this call, which may cost up to {bound}."""

    hint = (
        "Ask for a shorter answer (`max_tokens`), or its owner raises it: "
        "`volano cost budget {subject} --amount …`."
    )
    headers = b"x-should-retry: false\r\n"


class BudgetBusyError(RateLimitError):
    """Calls under way hold what is left of the budget of {subject}."""

    hint = "Try again in a moment, or ask for a shorter answer (`max_tokens`)."
    headers = b"retry-after: 1\r\n"


class UnpricedError(UnavailableError):
    """The price of `{model}` at the target `{target}` is not known; the budget of {subject} needs it."""

    hint = "Its owner says it: `volano cost price {model} --target {target} --input … --output …`."


class UnboundedError(InvalidError):
    """What this call can cost at most is not known; the budget of {subject} needs it."""

    hint = "Say how long the answer may be: `max_tokens`."


class TooManyTokensError(RateLimitError):
    """This call may need {asked} tokens, more than {subject} may ever use: {limit}."""

    hint = (
        "Send less, or ask for a shorter answer (`max_tokens`). "
        "The owner can raise the limit with `volano gateway limit {name}`."
    )


_WORDS = {
    "rpm": ("requests a minute", "{used} were made"),
    "tpm": ("tokens a minute", "{used} are used and this call may need {asked}"),
    "concurrency": ("calls at once", "{used} are under way"),
}


class UnknownChannelError(NotFoundError):
    """There is no channel `{channel}`{guess}."""

    hint = "`model` is a channel's name. This key may call: {allowed}."


class ClosedChannelError(NotFoundError):
    """The channel `{channel}` is closed; `{successor}` follows it."""

    hint = "Say `{successor}` as `model`. This key may call: {allowed}."


class RefusedReleaseError(UnavailableError):
    """The channel `{channel}` is not served: its release `{release}` cannot be trusted or used."""

    hint = "Its owner sees why with `volano status`, and checks it with `volano release verify {release}`."


class UnknownPathError(NotFoundError):
    """There is nothing at `{path}`."""

    hint = (
        "Served here: POST /v1/chat/completions, /v1/responses, /v1/completions, /v1/embeddings, "
        "/v1/messages, /v1/messages/count_tokens, /v1/traces; GET /v1/models."
    )


class WrongMethodError(VolanoError):
    """`{path}` is called with {allowed}, not with {method}."""


class BadBodyError(InvalidError):
    """The body is not valid JSON: {reason}."""

    hint = "Send one JSON object in UTF-8."


class CannotRehearseError(InvalidError):
    """The recorded request cannot be put to the release: {reason}."""

    hint = "See it with `volano trace show`; what callers may send is told by `volano prompt show`."


class BadFieldError(InvalidError):
    """{reason}"""


class BadVariablesError(InvalidError):
    """{reason}"""

    hint = (
        "{advice}They are sent as `variables` beside `messages` (`extra_body` in OpenAI's client)."
    )


class CannotSayError(InvalidError):
    """{reason}"""

    hint = "The target `{target}` speaks another API, which has no word for this field."


class CacheHeaderError(InvalidError):
    """The header `x-volano-cache` cannot be `{given}`."""

    hint = "Send `off` (do not use the cache), `refresh` (answer anew and keep that), or no such header."


class CannotServeError(InvalidError):
    """The target `{target}` of this channel cannot serve {door}."""

    hint = "Call a channel whose model can, or add a target that speaks this API."


class OverloadedError(UnavailableError):
    """The engine `{target}` works on {calls} calls already, and no more may wait."""

    hint = (
        "Try again in a moment. The owner can let more wait (`engine_queue`) or run more engines "
        "(`engine_replicas`)."
    )


class NoTargetError(UnavailableError):
    """Every target of the release `{release}` is switched off."""

    hint = "Switch one on: `volano target enable NAME`."


class BodyTooLargeError(TooLargeError):
    """The body is larger than the limit of {limit} bytes."""

    hint = "Send less, or raise the gateway's `max_body_bytes`."


class EncodedBodyError(VolanoError):
    """The body is compressed (`content-encoding: {coding}`), which is not understood here."""

    hint = "Send it as it is, without content-encoding."


class SpansScopeError(ForbiddenError):
    """This key may not send spans."""

    hint = "Give it the scope `traces` with `volano key update {id}` to change that."


class SpansTypeError(EncodedBodyError):
    """Spans come as `application/x-protobuf` or `application/json`, not as `{kind}`."""

    hint = "Set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf."


class SpansCodingError(EncodedBodyError):
    """The body is compressed (`content-encoding: {coding}`), which is not understood here."""

    hint = "Set OTEL_EXPORTER_OTLP_COMPRESSION to gzip or none."


class BadSpansError(InvalidError):
    """The body is no export request of OTLP: {reason}."""

    hint = "Nothing of it was kept. Is it OTLP over HTTP, of the content type that it says?"


class SpansStoppedError(UnavailableError):
    """The gateway is stopping; the spans were not taken."""

    hint = "Send them again."


class SpoolFullError(UnavailableError):
    """The trace of this call cannot be kept (the disk or the spool is full), so it is not made."""

    hint = "Free disk space; see `volano doctor`. It is tried again on the next calls."


class FaultError(VolanoError):
    """The gateway failed on this call."""

    hint = "That is a fault of volano's: the reason is in .volano/logs/. Other calls go on."


class SnapshotError(InvalidError):
    """The snapshot `{path}` cannot be used: {reason}."""

    hint = "The last good one stays in use. The reason is in .volano/logs/control.log."


class UnknownTargetError(NotFoundError):
    """There is no target `{name}`{guess}."""

    hint = "See the targets with `volano target list`; add one with `volano target add`."


class TargetTakenError(ConflictError):
    """There already is a target `{name}`."""

    hint = "Change it with `volano target update {name}`."


class BadTargetError(InvalidError):
    """This target cannot be used: {reason}."""

    hint = (
        "Give an https address without credentials, or http for this machine and private networks."
    )


class TargetInUseError(ConflictError):
    """The target `{name}` is used by {users}."""

    hint = (
        "Move the channel to a model without it first; `volano target disable {name}` stops calls."
    )


class BadTargetKeyError(InvalidError):
    """The key of target `{name}` from {source} cannot be sent: {reason}."""

    hint = "A key is one line of printable ASCII. See `volano target show {name}`."


class TargetAwayError(UnavailableError):
    """The target `{name}` does not answer at {url}: {reason}."""

    hint = "Check the address with `volano target show {name}`, and that this machine may reach it."


class TargetRefusedError(ConflictError):
    """The target `{name}` refuses the key from {source}: status {status}."""

    hint = "Give it another with `volano target key {name}`, or set the variable and start again."


class TargetConfusedError(ConflictError):
    """The target `{name}` answers, but not as {provider} does: {reason}."""

    hint = "Is the address right, with its path? See `volano target show {name}`."


class NotUpError(ConflictError):
    """volano is not up here: there are no workers."""

    hint = "Start it with `volano up`."


class NotReplayableError(InvalidError):
    """The trace `{trace}` cannot be asked again: {why}."""

    hint = "See what was recorded with `volano trace show {trace}`."


class NotServedError(ConflictError):
    """`{release}` serves no unit of {channel} now, so that it cannot be asked."""

    hint = "Give it a channel of its own: volano release promote {release} --channel replay --plan 100%"


class UnknownWorkerError(NotFoundError):
    """There is no worker `{worker}`."""

    hint = "There are: {known}. See `volano gateway status`."


class NoChatError(ConflictError):
    """The target `{name}` does not understand OpenAI's chat completions, which this needs."""

    hint = "It understands {dialects}. Ask it through the gateway instead."
