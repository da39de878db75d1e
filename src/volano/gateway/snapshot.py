"""The snapshot: all that a worker may know, published whole and swapped whole.

Control writes `run/snapshot.json` (write, fsync, rename), then bumps the
generation in shared memory; each worker then reads the file, checks it entirely
and swaps one reference. A snapshot that fails the check is refused; the worker
goes on with the one it has.
"""

import os
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr

from volano.access.address import within
from volano.access.limit import MOST
from volano.access.scope import grants, may_enter
from volano.core.errors import InvalidError
from volano.core.template.wording import Wording
from volano.costs.memory import SLOTS as BUDGET_SLOTS
from volano.costs.price import Price
from volano.costs.purse import Allotment
from volano.gateway.balance import STRATEGIES
from volano.gateway.deprecated import Deprecated
from volano.gateway.errors import SnapshotError
from volano.gateway.tally import SLOTS, USES
from volano.traces.trace import SHADOW

MILLION = 1_000_000
DEFAULT_MAX_BODY = 20 << 20
SCOPES = ("group", "channel", "release")
"""Who may get the answer that another got."""


class Key(Struct, frozen=True):
    """A live key, found by the HMAC of its text."""

    id: str
    group: str = ""
    scopes: tuple[str, ...] = ("chat:*",)
    expires_us: int | None = None
    ips: tuple[str, ...] = ()

    def may_call(self, channel: str) -> bool:
        """Whether it may call this channel."""
        return "chat:*" in self.scopes or grants(self.scopes, "chat", channel)

    def may_enter(self, door: str) -> bool:
        """Whether it may come in by this door, such as `openai.chat`."""
        return may_enter(self.scopes, door)

    def may_come_from(self, address: str) -> bool:
        """Whether it may be used from this address."""
        return not self.ips or within(self.ips, address)


class Limit(Struct, frozen=True):
    """What a subject (`key/ID`, `group/PATH`, `channel/NAME`) may use, and where it is counted.

    `slot` is its place in the counters of all workers; `use` tells its counts from
    those of whoever had the slot before (`gateway.tally`).
    """

    slot: int
    use: int
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None


class Flow(Struct, frozen=True):
    """A one-prompt flow, compiled: what is put before and around the client's messages.

    Where the prompt is made of templates it is `wording` (`core.template`), filled for each call.
    """

    before: tuple[dict[str, Any], ...] = ()
    user: tuple[str, str] | None = None
    defaults: dict[str, Any] = {}
    wording: dict[str, Any] | None = None


class Sign(Struct, frozen=True):
    """What AWS Signature Version 4 needs; each request is signed by the worker that sends it."""

    region: str
    access_key: str
    secret_key: str
    session_token: str | None = None
    service: str = "bedrock"

    def __repr__(self) -> str:  # secrets stay out of logs
        return f"Sign({self.service!r}, {self.region!r})"


class Limits(Struct, frozen=True):
    """Names of the response headers that tell how much a provider still allows; "" is none.

    `reset_as` says how the two moments of reset are written: a `duration` (6m0s,
    20ms, 7.66s), `seconds` from now, `rfc3339`, or milliseconds or seconds of the
    epoch (`epoch_ms`, `epoch_s`).
    """

    requests_left: str = ""
    tokens_left: str = ""
    requests_reset: str = ""
    tokens_reset: str = ""
    reset_as: str = "duration"
    retry_after: str = "retry-after"


class Target(Struct, frozen=True):
    """Where a release's calls go: one model at one server, and all ways to speak to it.

    `dialects` are those it understands, the best first, with the path of each;
    `stream_paths` are the paths of streams where they differ. `headers` go with
    every request, the first key's lines among them; each set in `keys` replaces
    the lines of its names. A target that is not `enabled` is not asked. A
    `fallback` is asked when no other answers. `price` is nano-units for a typical call, `capacity` the calls it works on at once.
    `ca_file` holds the authorities that vouch for it, where they are not the machine's.
    `pricing` is what its tokens cost, where that is known, and `billed_as` the
    provider under whose name the price is found again.
    """

    name: str
    url: str
    model: str
    path: str = "/v1/chat/completions"
    headers: dict[str, str] = {}
    engine: bool = False
    provider: str = "compatible"
    dialects: dict[str, str] = {}
    stream_paths: dict[str, str] = {}
    keys: tuple[dict[str, str], ...] = ()
    signs: tuple[Sign | None, ...] = ()
    region: str = ""
    weight: int = 1
    fallback: bool = False
    price: int | None = None
    capacity: int = 0
    enabled: bool = True
    ca_file: str = ""
    limits: Limits = Limits()
    pricing: Price | None = None
    billed_as: str = ""
    lacks: str = ""
    """The variable that should hold its key and does not: then it is not asked."""
    queue: int = 0
    """Calls that may wait for it beside those it works on; more are refused. 0: any number."""
    fields: dict[str, Any] = {}
    """Top-level fields of every request to it, whatever the client says of them."""

    def __post_init__(self) -> None:
        if not self.dialects:
            force_setattr(self, "dialects", {"openai.chat": self.path})

    def __repr__(self) -> str:  # secrets stay out of logs
        return f"Target({self.name!r}, {self.url!r}, {self.model!r})"


class Arm(Struct, frozen=True):
    """A release in a channel, with its share in millionths and its slot for shared counters.

    The share of a `shadow` is that of the calls it gets copies of, beside the others' whole.
    Where the copies have a budget `currency` is its own: what has no price in it is not asked.
    """

    release: str
    release_digest: str
    targets: tuple[Target, ...]
    share: int = MILLION
    arm: str = "stable"
    rollout: str | None = None
    slot: int = 0
    flow: Flow = Flow()
    strategy: str = "ordered"
    latency_target_s: float = 0.0
    deprecated: Deprecated | None = None
    """Its channel should be left, or the release itself."""
    currency: str = ""


class Caching(Struct, frozen=True):
    """Answers are kept for `ttl_s` seconds and shared in a group, a channel or a release.

    `since_us` is when this was said: saying it again empties the cache.
    """

    ttl_s: int
    scope: str = "group"
    since_us: int = 0


class Scope(Struct, frozen=True):
    """Which calls a rollout is about (`releases.scope`): each field that says something must fit."""

    keys: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Channel(Struct, frozen=True):
    """What clients name as `model`. Without `caching` each call is asked anew.

    A call that a rule of `exclude` names, or that is outside `scope`, gets the stable arm,
    whatever its unit.
    """

    arms: tuple[Arm, ...]
    unit: str = "user"
    salt: str = ""
    caching: Caching | None = None
    exclude: tuple[str, ...] = ()
    scope: Scope | None = None


class Snapshot(Struct, frozen=True):
    """All a worker may know. Immutable; `generation` grows by one with each publication."""

    generation: int
    published_us: int
    hmac_secret_hex: str
    keys: dict[str, Key] = {}
    channels: dict[str, Channel] = {}
    max_body_bytes: int = DEFAULT_MAX_BODY
    spool_policy: str = "refuse"
    refused: dict[str, str] = {}
    """Channels that are not served because their release cannot be, with that release."""
    closed: dict[str, str] = {}
    """Channels that are no more, with the one that follows, which is there."""
    region: str = ""
    limits: dict[str, Limit] = {}
    budgets: tuple[Allotment, ...] = ()


EMPTY = Snapshot(0, 0, "")
"""What a worker has before the first publication: no key is valid."""

_decode = msgspec.json.Decoder(Snapshot).decode


def read(path: Path) -> Snapshot:
    """Read and check a snapshot file.

    Raises:
        SnapshotError: it is missing, malformed, or says something impossible.
    """
    try:
        snapshot = _decode(path.read_bytes())
        _check(snapshot)
    except (OSError, ValueError, RecursionError) as error:
        raise SnapshotError(path=path.name, reason=str(error)) from error
    return snapshot


def write(path: Path, snapshot: Snapshot) -> None:
    """Publish the file: complete or not at all. Bump the generation afterwards (`Shared`).

    Raises:
        SnapshotError: the snapshot would be refused by the workers.
    """
    try:
        _check(snapshot)
    except ValueError as error:
        raise SnapshotError(path=path.name, reason=str(error)) from error
    beside = path.with_name(path.name + ".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.encode(snapshot))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _check(snapshot: Snapshot) -> None:
    bytes.fromhex(snapshot.hmac_secret_hex)
    if snapshot.spool_policy not in ("refuse", "unrecorded"):
        raise ValueError(f"spool_policy `{snapshot.spool_policy}` is unknown")
    for name, channel in snapshot.channels.items():
        _check_shares(name, channel)
        for arm in channel.arms:
            check_arm(name, arm)
        copied = [arm.share for arm in channel.arms if arm.arm == SHADOW]
        if len(copied) > 1 or not all(0 <= share <= MILLION for share in copied):
            raise ValueError(f"the calls of channel `{name}` cannot be copied so: {copied}")
        if channel.caching is not None:
            _check_caching(name, channel.caching)
    _check_limits(snapshot.limits)
    if not all(0 <= budget.slot.index < BUDGET_SLOTS for budget in snapshot.budgets):
        raise ValueError("a budget has no slot")


def _check_shares(name: str, channel: Channel) -> None:
    """A baseline cohort is a part of the stable arm's share, and counts in no sum."""
    shares = [arm.share for arm in channel.arms if arm.arm not in ("baseline", SHADOW)]
    if not shares or min(shares) < 0 or sum(shares) != MILLION:
        raise ValueError(f"the shares of channel `{name}` are not 1,000,000 in all: {shares}")
    cohorts = [arm.share for arm in channel.arms if arm.arm == "baseline"]
    stable = sum(arm.share for arm in channel.arms if arm.arm == "stable")
    if cohorts and not (len(cohorts) == 1 and 0 <= cohorts[0] <= stable):
        raise ValueError(f"the baseline cohort of channel `{name}` is no part of the stable arm")


def _check_caching(channel: str, caching: Caching) -> None:
    """A scope that is none could share what must not be shared."""
    if caching.scope not in SCOPES or caching.ttl_s <= 0:
        raise ValueError(f"the cache of channel `{channel}` is impossible: {caching}")


def _check_limits(limits: dict[str, Limit]) -> None:
    """A slot that is none would be counted outside of the counters."""
    slots = [limit.slot for limit in limits.values()]
    if len(set(slots)) != len(slots) or not all(0 <= slot < SLOTS for slot in slots):
        raise ValueError("two limits have one slot, or one has none")
    for subject, limit in limits.items():
        numbers = [n for n in (limit.rpm, limit.tpm, limit.concurrency) if n is not None]
        if not 0 <= limit.use < USES or not all(0 < n <= MOST for n in numbers):
            raise ValueError(f"the limit of `{subject}` is impossible")


def check_arm(channel: str, arm: Arm) -> None:
    """Make sure that a worker can use this arm. Raises ValueError: it cannot, and why."""
    if not arm.targets:
        raise ValueError(f"`{arm.release}` in channel `{channel}` has no target")
    if arm.deprecated is not None:
        arm.deprecated.check()
    if arm.strategy not in STRATEGIES:
        raise ValueError(f"`{arm.release}` has the strategy `{arm.strategy}`")
    if arm.flow.wording is not None:
        try:
            Wording.from_dict(arm.flow.wording)
        except InvalidError as error:
            raise ValueError(f"the prompt of `{arm.release}`: {error}") from error
    for target in arm.targets:
        if not target.url.startswith(("unix:/", "http://", "https://")):
            raise ValueError(f"the target `{target.name}` has the address `{target.url}`")
        texts = [target.path, *target.dialects.values(), *target.stream_paths.values(), arm.release]
        for lines in (target.headers, *target.keys):
            texts += [*lines, *lines.values()]
        if any(c in text for text in texts for c in "\r\n\0"):
            raise ValueError(f"the target `{target.name}` has a line break in path or headers")
