"""A snapshot made ready for the hot path: bytes encoded once, pools kept over swaps."""

import hmac
from collections.abc import Iterator
from itertools import zip_longest

import msgspec
from msgspec import structs

from volano.core.clock import Clock
from volano.core.template.wording import Wording
from volano.gateway.choose import choose, is_copied
from volano.gateway.exclude import Excluded
from volano.gateway.health import Health
from volano.gateway.keyring import Keyring
from volano.gateway.snapshot import Arm, Caching, Channel, Flow, Key, Sign, Snapshot, Target
from volano.gateway.within import Within
from volano.traces.trace import SHADOW
from volano.wire.dialects.all import SERVED
from volano.wire.exchange import Ask
from volano.wire.http_client import Origin
from volano.wire.sigv4 import Credentials, Scope, sign

_JSON = b"content-type: application/json\r\n"
_EVENT_STREAM = b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
_encode = msgspec.json.encode


class Way:
    """A target with its pool, its health, and the unchanging parts of its request heads."""

    __slots__ = (
        "_heads",
        "beside",
        "capacity",
        "fallback",
        "fields",
        "health",
        "keys",
        "model",
        "most",
        "origin",
        "price",
        "target",
    )

    def __init__(
        self, target: Target, origin: Origin, health: Health, beside: Health | None = None
    ):
        """`beside` is how the same target is for others: for users, where this way is a shadow's."""
        self.target = target
        self.beside = beside
        self.origin = origin
        self.health = health
        self.model = _encode(target.model)
        self.price = target.price
        self.capacity = target.capacity
        self.fallback = target.fallback
        self.most = target.capacity + target.queue if target.capacity and target.queue else 0
        self.fields = {name: _encode(value) for name, value in target.fields.items()}
        self.keys = _keyring(target, health)
        self._heads = {
            (dialect, streamed): [
                _head(target, origin, _path(target, dialect, streamed=streamed), lines)
                for lines in (target.keys or ({},))
            ]
            for dialect in target.dialects
            for streamed in (False, True)
        }

    @property
    def name(self) -> str:
        """The target's name."""
        return self.target.name

    @property
    def full(self) -> bool:
        """Whether as many calls as may wait for it do."""
        return 0 < self.most <= self.health.in_flight

    @property
    def weight(self) -> int:
        """How much it may get next to the others."""
        return self.target.weight

    @property
    def region(self) -> str:
        """Where it is."""
        return self.target.region

    def head(
        self, dialect: str, body: bytes, *, streamed: bool, clock: Clock, key: int = 0
    ) -> bytes:
        """Return a request's head up to the value of content-length, with this one of the keys."""
        how = self.target.signs[key] if self.target.signs else None
        if how is not None:
            return self._signed(how, dialect, body, streamed=streamed, clock=clock)
        return self._heads[dialect, streamed][key]

    def _signed(
        self, how: Sign, dialect: str, body: bytes, *, streamed: bool, clock: Clock
    ) -> bytes:
        """A head whose signature covers this body at this moment."""
        target = self.target
        where = _path(target, dialect, streamed=streamed)
        path, _, query = where.partition("?")
        lines = sign(
            "POST", path, query, host=self.origin.host,
            headers=[("content-type", "application/json")], body=body,
            credentials=Credentials(how.access_key, how.secret_key, how.session_token),
            scope=Scope(how.region, how.service), at_us=clock.now_us(),
        )  # fmt: skip
        return _head(target, self.origin, where, dict(lines))


def _keyring(target: Target, health: Health) -> Keyring | None:
    """Return the keys that take turns; None where there is no choice."""
    lines = [
        key if sign is None else {"": repr(structs.astuple(sign))}
        for key, sign in zip_longest(target.keys, target.signs)
    ]
    if health.keys is None or not health.keys.has(lines):
        health.keyed(Keyring(lines, health.keys))
    return health.keys if len(lines) > 1 else None


def _path(target: Target, dialect: str, *, streamed: bool) -> str:
    path = target.dialects[dialect]
    return target.stream_paths.get(dialect, path) if streamed else path


def _head(target: Target, origin: Origin, path: str, key: dict[str, str]) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"host: {origin.host}"]
    lines += [f"{name}: {value}" for name, value in {**target.headers, **key}.items()]
    lines += ["content-type: application/json", "accept-encoding: identity"]
    return "\r\n".join([*lines, "content-length: "]).encode()


class Route:
    """An arm ready to be served. `plain` says that only the model's name is replaced.

    `template` is what the flow says in neutral words, for doors that are not OpenAI chat.
    Calls that `mirror` takes are copied to another release when they are over.
    """

    __slots__ = (
        "arm",
        "before",
        "caching",
        "defaults",
        "info",
        "json_head",
        "mirror",
        "plain",
        "share",
        "stream_head",
        "template",
        "user",
        "ways",
        "wording",
    )

    def __init__(self, arm: Arm, ways: list[Way], caching: Caching | None = None):
        flow = arm.flow
        self.info = arm
        self.mirror: Mirror | None = None
        self.caching = caching
        self.arm = arm.arm
        self.share = arm.share
        self.ways = ways
        self.before = _encode(flow.before)[1:-1]
        self.user = flow.user
        self.defaults = {name: _encode(value) for name, value in flow.defaults.items()}
        self.wording = None if flow.wording is None else Wording.from_dict(flow.wording)
        self.plain = not (flow.before or flow.user or flow.defaults or flow.wording)
        self.template = _template(flow)
        release = f"x-volano-release: {arm.release}\r\n".encode()
        if arm.deprecated is not None:
            release += arm.deprecated.lines()
        self.json_head = _JSON + release
        self.stream_head = _EVENT_STREAM + release


class Mirror:
    """Which calls of a release are copied, and the release that gets the copies."""

    __slots__ = ("_salt", "route")

    def __init__(self, route: Route, salt: str):
        self.route = route
        self._salt = salt

    def takes(self, trace: str) -> bool:
        """Whether this call is copied."""
        return is_copied(self.route.share, self._salt, trace)


class RoutedChannel:
    """A channel's arms as routes.

    `by_request` says that nothing sticks to an arm, `by_session` that a session does; `plain`
    that there is nothing to choose. Calls that `excludes` says yes to, and those that `within`
    says no to, go `aside`: to the stable release, without being counted. A shadow is no arm:
    nobody is answered by it, and the stable one's calls are copied to it.
    """

    __slots__ = (
        "_placed", "arms", "aside", "by_request", "by_session", "excludes", "plain", "salt",
        "within",
    )  # fmt: skip

    def __init__(self, channel: Channel, arms: list[Route], region: str = ""):
        shadows = [arm for arm in arms if arm.arm == SHADOW]
        arms = [arm for arm in arms if arm.arm != SHADOW]
        for stable in arms:
            if shadows and stable.arm == "stable":
                stable.mirror = Mirror(shadows[0], channel.salt)
        self.by_request = channel.unit == "request"
        self.by_session = channel.unit == "session"
        self.excludes = Excluded(channel.exclude) if channel.exclude else None
        self.within = Within(channel.scope, region) if channel.scope else None
        self.plain = channel.unit == "user" and len(arms) == 1 and self.within is None
        self.aside = arms[0]
        if channel.exclude or channel.scope:
            self.aside = _aside(arms, "excluded" if channel.exclude else "outside")
        self.salt = channel.salt
        self.arms = arms
        self._placed: dict[str, Route] = {}

    def arm_of(self, unit: str) -> Route:
        """The arm that this unit sticks to. Who comes again need not be placed again."""
        if len(self.arms) == 1:
            return self.arms[0]
        route = self._placed.get(unit)
        if route is None:
            route = choose(self.arms, self.salt, unit)
            if len(self._placed) >= _MOST_PLACED:
                self._placed.clear()
            if len(unit) <= _LONGEST_PLACED:
                self._placed[unit] = route
        return route

    def named(self, release: bytes | None) -> Route | None:
        """The arm of this release, whatever its share: for replays, which nobody waits for."""
        wanted = release.decode("utf-8", "replace") if release else ""
        return next((arm for arm in self.arms if arm.info.release == wanted), None)


def _aside(arms: list[Route], named: str) -> Route:
    """The stable arm under another name, so that its calls are no evidence."""
    stable = next((arm for arm in arms if arm.arm == "stable"), arms[0])
    return Route(structs.replace(stable.info, arm=named), stable.ways, stable.caching)


_MOST_PLACED = 4096
_LONGEST_PLACED = 256


Origins = dict[tuple[str, str], Origin]
"""Pools by address and file of authorities."""


class Routes:
    """All that one snapshot allows. A new snapshot makes a new object; nothing in it changes."""

    __slots__ = ("_known", "_secret", "channels", "snapshot")

    def __init__(
        self, snapshot: Snapshot, origins: Origins, healths: dict[str, Health],
        apart: Origins | None = None,
    ):  # fmt: skip
        """`apart` are the pools of shadows: nothing that they do is felt in the others."""
        self.snapshot = snapshot
        self.channels = {
            name: RoutedChannel(
                channel,
                [
                    _shadow(arm, apart or {}, healths)
                    if arm.arm == SHADOW
                    else _route(arm, origins, healths, channel.caching)
                    for arm in channel.arms
                ],
                snapshot.region,
            )
            for name, channel in snapshot.channels.items()
        }
        self._secret = bytes.fromhex(snapshot.hmac_secret_hex)
        self._known: dict[bytes, Key] = {}

    def key(self, authorization: bytes, clock: Clock) -> Key | None:
        """The live key of an Authorization header, or None. The HMAC is computed once a key."""
        key = self._known.get(authorization)
        if key is None:
            scheme, _, text = authorization.partition(b" ")
            if scheme.lower() != b"bearer" or not self._secret:
                return None
            digest = hmac.digest(self._secret, text.strip(), "sha256").hex()
            key = self.snapshot.keys.get(digest)
            if key is None:
                return None
            if len(self._known) < 4 * len(self.snapshot.keys) + 16:
                self._known[authorization] = key
        if key.expires_us is not None and key.expires_us <= clock.now_us():
            return None
        return key

    @property
    def asks_language(self) -> bool:
        """Whether some channel must know in which language a call is."""
        found = (channel.within for channel in self.channels.values())
        return any(within is not None and within.asks_language for within in found)

    def allowed(self, key: Key) -> list[str]:
        """The channels this key may call."""
        return [name for name in self.channels if key.may_call(name)]


def urls(snapshot: Snapshot, *, of_shadows: bool = False) -> set[tuple[str, str]]:
    """The upstream addresses a snapshot names, each with the file of its authorities or none."""
    return {(target.url, target.ca_file) for target in _targets(snapshot, of_shadows=of_shadows)}


def cachings(snapshot: Snapshot) -> dict[str, Caching]:
    """The channels that have a cache, with their settings."""
    found = snapshot.channels.items()
    return {name: channel.caching for name, channel in found if channel.caching is not None}


def names(snapshot: Snapshot) -> set[str]:
    """What the health of a snapshot's targets is kept under."""
    return {_name(target) for target in _targets(snapshot)}


def _targets(snapshot: Snapshot, *, of_shadows: bool = False) -> Iterator[Target]:
    for channel in snapshot.channels.values():
        for arm in channel.arms:
            if (arm.arm == SHADOW) is of_shadows:
                yield from (target for target in arm.targets if target.enabled)


def _name(target: Target) -> str:
    """The same model at the same server is the same target, in whatever release."""
    return f"{target.name} {target.url} {target.model}"


def _route(
    arm: Arm,
    origins: Origins,
    healths: dict[str, Health],
    caching: Caching | None,
) -> Route:
    ways = [
        Way(target, origins[target.url, target.ca_file], healths[_name(target)])
        for target in arm.targets
        if target.enabled
    ]
    return Route(arm, ways, caching)


def _shadow(arm: Arm, apart: Origins, healths: dict[str, Health]) -> Route:
    """Return the route of copies: by its own pools, and without blame for what users are sent to."""
    ways = [
        Way(target, apart[target.url, target.ca_file], Health(), healths.get(_name(target)))
        for target in arm.targets
        if target.enabled
    ]
    return Route(arm, ways)


def _template(flow: Flow) -> Ask:
    """What a flow puts before and around any request, read as the chat that it was written as."""
    said = {"model": "", "messages": [*flow.before, _USER], **flow.defaults}
    served = SERVED.get("openai.chat")
    if served is None or not (flow.before or flow.defaults):
        return Ask("", [])
    ask = served.read_ask(_encode(said))
    ask.turns.pop()
    return ask


_USER = {"role": "user", "content": "-"}
