"""A Trace: one call, as it is read back. And small sums over many."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trace:
    """One call. `seq` grows with the order of recording; times are microseconds UTC.

    Several calls may share one trace id (`id`, when the client sent a
    `traceparent`); `span_id` tells them apart. `share` is in millionths. `cost_nano` is
    in nano-units of its currency; None: no price or no usage is known.
    """

    seq: int
    id: str
    span_id: str
    parent_span_id: str | None
    began_us: int
    ended_us: int
    first_us: int | None
    latency_us: int
    ttft_us: int | None
    key_id: str
    group: str
    channel: str
    release: str
    release_digest: str
    share: int
    arm: str
    rollout: str | None
    unit: str
    door: str
    target: str
    model: str
    streamed: bool
    status: int
    outcome: str
    error: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    finish: str | None
    worker: str
    environment: str
    tags: dict[str, str]
    input_text: str | None
    output_text: str | None
    cost_nano: int | None = None
    cost_currency: str | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    priced_by: str | None = None
    provider: str = ""
    session: str = ""

    @property
    def failed(self) -> bool:
        """Whether it counts as an error: ours, the upstream's, or a cut stream."""
        return self.outcome in FAILED

    @property
    def repeated(self) -> bool:
        """Whether it was given an answer that another call had got before."""
        return self.tags.get("cache") in REPEATED

    @property
    def replayed(self) -> bool:
        """Whether somebody asked a recorded request again, to look at the answer."""
        return "replay" in self.tags

    @property
    def shadowed(self) -> bool:
        """Whether it is a copy of a call: nobody saw its answer, and no user sent it."""
        return self.arm == SHADOW

    @property
    def copied(self) -> str:
        """The id of the trace that it is a copy of; empty where it is none."""
        return self.tags.get(SHADOW, "") if self.shadowed else ""

    @property
    def estimated(self) -> bool:
        """Whether its tokens, and what they cost, were not all told by the upstream."""
        return ESTIMATED.items() <= self.tags.items()

    @property
    def stopped(self) -> bool:
        """Whether our own shutdown ended it: an error, but nobody's but ours."""
        return self.outcome in FAILED and self.error == STOPPED


FAILED = ("error", "cut")
"""Outcomes that are errors. A client that left and a refused call are none."""

SHADOW = "shadow"
"""The arm of a copy, and the name of its tag that says of which trace."""

REPEATED = ("hit", "coalesced")
"""What the tag `cache` says of such calls."""

ESTIMATED = {"tokens": "estimated"}
"""The tag of a call whose answer broke off before its tokens were told."""

STOPPED = "the gateway was stopped"
"""What `error` says of a call that a draining worker ended. It says nothing of the release.

No upstream's failure is written so: those begin with `the upstream`, or name the connection."""


@dataclass(frozen=True, slots=True)
class Bodies:
    """What the client sent and got, byte for byte; empty where nothing was kept."""

    request: bytes
    response: bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """How many calls, by outcome."""

    calls: int
    errors: int
    outcomes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Stat:
    """Calls of one channel and release in a window of time.

    Latencies are those of calls that went well, in microseconds, nearest
    rank; None where there were none. Times to the first token are those of
    streamed calls: a plain answer's first token comes with its last.
    """

    channel: str
    release: str
    calls: int
    errors: int
    p50_us: int | None
    p95_us: int | None
    ttft_p50_us: int | None
    ttft_p95_us: int | None
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls cost together, in nano-units of one currency; `unpriced` ones are not in it."""

    calls: int
    unpriced: int
    nano: int
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Deletion:
    """What retention took of one file of a day: so many rows, and the bodies of so many more."""

    at_us: int
    table: str
    day: str
    rows: int
    bodies: int
