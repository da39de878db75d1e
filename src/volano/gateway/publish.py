"""Publishes snapshots: what keys, channels and engines mean for the workers, now.

The order matters. Engines are wished for before a snapshot can route to them;
the snapshot file is whole before the generation in shared memory tells of it.

A release that cannot be served (damaged bytes, an impossible address) is left
out and told in the log: it must not keep a revoked key or another channel's
rollback from the workers. A channel whose stable release is left out is
refused: its clients are told so, and `volano status` says why.

Whether a release is what was signed is asked once in each life of control,
before anything of it is believed. What is not is never served, not even as it
was published before; bytes that a disk has damaged since are another matter.
"""

import logging
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from msgspec import structs

from volano.access.keeper import Keys
from volano.access.limits import Limits
from volano.core.clock import Clock
from volano.core.errors import VolanoError
from volano.costs.keeper import Costs
from volano.flows.keeper import Flows
from volano.gateway import snapshot as shape
from volano.gateway.addresses import Addresses
from volano.gateway.allotment import Allotment
from volano.gateway.deprecated import Deprecated
from volano.gateway.engines import Engines, Sizes, answers
from volano.gateway.metrics import by_target
from volano.gateway.outage import Outage, answered_us, of_all, outage
from volano.gateway.pins import Pins
from volano.gateway.scaling import Load, loads
from volano.gateway.shared import RELEASES, Shared
from volano.gateway.tally import USES, Tally
from volano.gateway.targets import Targets
from volano.gateway.turnover import Number, turnover
from volano.gateway.vitals import Seen, Vitals
from volano.models.keeper import Models
from volano.releases.channel import MILLION, Arm, Channel
from volano.releases.deprecation import CHANNEL, RELEASE, Deprecation
from volano.releases.keeper import Releases
from volano.releases.rolling import Replicas
from volano.serving.spec import EngineSpec
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.wire.dialects.all import SPOKEN_EMBEDDINGS

log = logging.getLogger(__name__)

APPLIED_WITHIN_S = 2.0
POLL_S = 0.001
TIDY_S = 0.5
"""How often engines are looked at while others wait for the memory of those that leave."""
SNAPSHOT = "snapshot.json"


class Publisher:
    """Builds snapshots from the keepers; also tells the reconciler how serving is."""

    def __init__(
        self,
        *,
        run: Path,
        catalog: Catalog,
        keys: Keys,
        flows: Flows,
        models: Models,
        releases: Callable[[], Releases],
        targets: Targets,
        hmac_secret: bytes,
        max_body_bytes: int,
        spool_full: str,
        engines: Sizes,
        clock: Clock,
        region: str = "",
        environment: Mapping[str, str] = os.environ,
        limits: Limits | None = None,
        costs: Costs | None = None,
        deprecations: Callable[[], Mapping[str, Deprecation]] = dict,
        closed: Callable[[], Mapping[str, str]] = dict,
    ):
        self._run = run.resolve()
        self._keys = keys
        self._models = models
        self._releases = releases
        self._secret = hmac_secret
        self._max_body_bytes = max_body_bytes
        self._spool_full = spool_full
        self._clock = clock
        self._region = region
        self._sizes = engines
        self._engines = Engines(self._run, models, engines, region, self._in_flight)
        self._addresses = Addresses(
            catalog, targets, self._engines, costs=costs, clock=clock, environment=environment,
            tell=self._tell,
        )  # fmt: skip
        self._pins = Pins(
            catalog, flows, releases, self._addresses, published=self._run / SNAPSHOT,
            several=engines.most > 1, tell=self._tell,
        )  # fmt: skip
        self._shared = Shared(self._run / "shared.bin")
        self._vitals: Vitals | None = None
        self._limits = limits
        self._costs = costs
        self._deprecations = deprecations
        self._closed = closed
        self._tally = Tally(self._run / "limits.bin")
        self._slots_of_limits = self._last_limits()
        self._allotment = Allotment(self._slots_of_limits, secrets.randbelow(USES))
        self._release_slots: dict[tuple[str, str], int] = {}
        self._refused: dict[str, str] = {}
        self._told: set[str] = set()
        self._applied_us: int | None = None
        self._tidied_s = 0.0
        self._lock = threading.Lock()

    def publish(self) -> int:
        """Publish what the keepers say now; return the generation. One at a time."""
        with self._lock:
            channels = self._releases().channels()
            self._wish_engines(channels)
            generation = self._shared.generation + 1
            served, refused = self._channels(channels)
            snapshot = shape.Snapshot(
                generation=generation,
                published_us=self._clock.now_us(),
                hmac_secret_hex=self._secret.hex(),
                keys=self._live_keys(),
                channels=served,
                refused={c.name: c.stable_ref for c in channels if c.name in refused},
                closed=_followed(self._closed(), {channel.name for channel in channels}),
                max_body_bytes=self._max_body_bytes,
                spool_policy=self._spool_full,
                region=self._region,
                limits=self._slotted_limits(),
                budgets=self._costs.allotments() if self._costs else (),
            )
            self._refused = refused
            begun = time.monotonic_ns()
            shape.write(self._run / SNAPSHOT, snapshot)
            self._shared.publish(generation)
            for arm in (arm for channel in served.values() for arm in channel.arms):
                for model in self._own_of(arm.release_digest):
                    self._engines.published(model, arm.targets)
            self._applied_us = self._wait_until_applied(generation, begun)
            return generation

    def applied_us(self) -> int | None:
        """Return how long the last publication took until every living worker used it.

        None when some worker did not within two seconds.
        """
        return self._applied_us

    def _wait_until_applied(self, generation: int, begun_ns: int) -> int | None:
        """Wait for the workers, so that what a caller changed holds when it is told so."""
        while (waited := time.monotonic_ns() - begun_ns) < APPLIED_WITHIN_S * 1e9:
            if all(applied >= generation for applied in self._shared.workers().values()):
                return waited // 1000
            time.sleep(POLL_S)
        return None

    def ready(self, release_digest: str) -> bool:
        """Whether every engine of this release answers; never true of one that cannot be served."""
        try:
            _, targets = self._pins.of(release_digest)
        except VolanoError as error:
            self._tell(release_digest, error)
            return False
        if not all(answers(target) for target in targets if target.engine):
            return False
        return all(map(self._engines.complete, self._own_of(release_digest)))

    def outage(self, release_digest: str) -> Outage | None:
        """Return since when no target of a release gives any answer, as the workers see it.

        None where one of them does, where too few calls tell, and of what cannot be served.
        """
        now_us = self._clock.monotonic_us()
        return of_all(outage(seen, now_us) for seen in self._seen(release_digest))

    def answered_us(self, release_digest: str) -> int:
        """Return when a target of a release answered last, by the monotonic clock; 0: never seen."""
        return max(map(answered_us, self._seen(release_digest)), default=0)

    def _seen(self, release_digest: str) -> list[Sequence[Seen]]:
        """Return what the workers saw of each target of a release that has words to say."""
        try:
            _, targets = self._pins.of(release_digest)
        except VolanoError as error:
            self._tell(release_digest, error)
            return []
        seen = by_target(self._looked().workers())
        return [
            seen.get((target.name, target.model), ())
            for target in targets
            if target.enabled and not set(target.dialects) <= set(SPOKEN_EMBEDDINGS)
        ]

    def _looked(self) -> Vitals:
        if self._vitals is None:
            self._vitals = Vitals(self._run / "vitals.bin")
        return self._vitals

    def _loads(self) -> dict[str, Load]:
        """Return what each engine has to do, as the workers count it."""
        if self._sizes.most <= self._sizes.replicas:
            return {}
        vitals = self._looked()
        firsts: dict[str, tuple[float, int]] = {}
        for (*_, target), series in vitals.series().items():
            total, count = firsts.get(target, (0.0, 0))
            firsts[target] = total + series.first_us / 1e6, count + sum(series.first)
        return loads(self._in_flight(), firsts)

    def _in_flight(self) -> Mapping[str, int]:
        """Return how many calls the workers have at each target."""
        found = Counter[str]()
        for worker in self._looked().workers():
            for seen in worker.targets:
                found[seen.target] += seen.in_flight
        return found

    def replicas(self, release_digest: str) -> Replicas:
        """Return how many of a release's engines are warm; one step where none of them is ours."""
        own = self._own_of(release_digest)
        if not own:
            return Replicas()
        if self._engines.draining() and time.monotonic() - self._tidied_s > TIDY_S:
            self.tidy()
        warm = min(len(self._engines.warm(model)) for model in own)
        begun = any(
            c.rolling and c.candidate == release_digest for c in self._releases().channels()
        )
        # whose places it will take is not known before: so its first step is the smallest there can be
        usual = self._engines.replicas(own if begun else None)
        return Replicas(warm, usual, self._engines.draining())

    def engines_of(self, release_digest: str) -> tuple[shape.Flow, list[shape.Target]]:
        """Return what a release puts around a request, and its engines that answer, asked or not yet.

        Raises:
            VolanoError: it cannot be served.
        """
        found, _ = self._pins.of(release_digest)
        own = self._own_of(release_digest)
        return found.flow, [one for model in own for one in self._engines.warm(model)]

    def _own_of(self, release_digest: str) -> list[Artifact]:
        """Return the models of a release that engines of ours run."""
        with suppress(VolanoError):
            return self._addresses.own(self._pins.model(release_digest))
        return []

    def refused(self) -> dict[str, str]:
        """Return the channels that were left out of the last snapshot, each with the reason."""
        return dict(self._refused)

    def waiting_for(self) -> list[str]:
        """Return the releases in channels whose engines do not answer yet; refused ones never will."""
        served = {
            (arm.release, arm.release_digest)
            for channel in self._releases().channels()
            if channel.name not in self._refused
            for arm in self._releases().arms(channel)
            if arm.role == "stable"
        }
        return sorted(
            name for name, digest in served if not self.ready(digest) and not self._aside(digest)
        )

    def aside(self) -> tuple[EngineSpec, ...]:
        """Return the engines that are wanted and do not run, for want of memory."""
        return self._engines.aside()

    def _aside(self, release_digest: str) -> bool:
        """Whether an engine of this release waits for memory, and is loaded when it is asked."""
        with suppress(VolanoError):
            return any(
                map(self._engines.waits, self._addresses.own(self._pins.model(release_digest)))
            )
        return False

    def provider_keys(self) -> list[dict[str, Any]]:
        """Return which models want a key, from which variable, whether it is set, and who serves them.

        These are the models in channels, and the newest of each name.
        """
        used: dict[str, list[str]] = {}
        found = {str(model.digest): model for model in self._models.newest()}
        for channel in self._releases().channels():
            for digest in channel.served:
                try:
                    model = self._pins.model(digest)
                except VolanoError as error:
                    self._tell(digest, error)
                    continue
                found[str(model.digest)] = model
                used.setdefault(str(model.digest), []).append(channel.name)
        return [
            {"model": model.ref, "key_env": name, "set": is_set, "channels": used.get(digest, [])}
            for digest, model in found.items()
            for name, is_set in self._addresses.keys(model)
        ]

    def counts(self, channel: str, release_digest: str) -> tuple[int, int]:
        """Return calls and errors of a release on a channel, over all workers; none before it is published."""
        slot = self._release_slots.get((channel, release_digest))
        return (0, 0) if slot is None else self._shared.counts(slot)

    def close(self) -> None:
        """Let the shared memory go."""
        self._shared.close()
        self._tally.close()
        if self._vitals is not None:
            self._vitals.close()

    def usage(self, subject: str) -> tuple[int, int, int]:
        """Return what a limited subject uses now: requests and tokens a minute, calls under way."""
        limit = self._slots_of_limits.get(subject)
        return (0, 0, 0) if limit is None else self._tally.usage(limit.slot, limit.use)

    def pressed(self) -> bool:
        """Whether engines wait for the memory of others that still answer calls."""
        return self._engines.pressed()

    def tidy(self) -> None:
        """Let engines go that no channel has needed for a while. Call it now and then.

        A model whose new engine answers by now is asked there from now on.
        """
        self._tidied_s = time.monotonic()
        with self._lock:
            channels = self._releases().channels()
            rolling = [model for c in channels if c.rolling for model in self._replacing(c)]
            self._engines.scale(self._loads(), but=rolling)
            self._wish_engines(channels)
            moved = self._engines.moved()
        if moved:
            self.publish()

    def _wish_engines(self, channels: list[Channel]) -> None:
        """Wish for the engines of every arm that can be served."""
        found: list[Artifact] = []
        calls: Counter[str] = Counter()
        for digest in sorted({d for c in channels for d in c.served}):
            try:
                own = self._addresses.own(self._pins.model(digest))
                for model in own:
                    self._engines.check(model)
                    calls[str(model.digest)] += sum(
                        self.counts(c.name, digest)[0] for c in channels
                    )
                found += own
            except VolanoError as error:
                self._tell(digest, error)
        self._engines.wish(found, calls, self._numbers(channels))

    def _numbers(self, channels: list[Channel]) -> dict[str, Number]:
        """Return of which models fewer replicas run, because they are replaced one by one.

        One that any other release needs as well runs as ever: then nothing is replaced.
        """
        numbers: dict[str, Number] = {}
        whole: set[str] = set()
        for channel in channels:
            usual = self._engines.level(self._replacing(channel)) if channel.rolling else 0
            rolls = turnover(channel, usual)
            for digest in channel.served:
                models = {str(model.digest) for model in self._own_of(digest)}
                whole |= models if digest not in rolls else models & numbers.keys()
                numbers |= dict.fromkeys(models, rolls[digest]) if digest in rolls else {}
        return {digest: number for digest, number in numbers.items() if digest not in whole}

    def _replacing(self, channel: Channel) -> list[Artifact]:
        """Return the models whose engines take each other's places; what is kept hot takes none."""
        two = filter(None, (channel.stable, channel.candidate))
        return [model for digest in two for model in self._own_of(digest)]

    def _live_keys(self) -> dict[str, shape.Key]:
        return {
            fingerprint: shape.Key(key.id, key.group, key.scopes, key.expires_us, key.ips)
            for fingerprint, key in self._keys.fingerprints().items()
        }

    def _last_limits(self) -> dict[str, shape.Limit]:
        """Return the limits as they were published last: their slots stay theirs."""
        try:
            return shape.read(self._run / SNAPSHOT).limits
        except VolanoError:
            return {}

    def _slotted_limits(self) -> dict[str, shape.Limit]:
        """Return the limits with their slots, each with room on the disk before it is written to."""
        found = self._allotment.allot(self._limits.list() if self._limits else ())
        backed = self._tally.back(1 + max((limit.slot for limit in found.values()), default=-1))
        for subject in [subject for subject, limit in found.items() if limit.slot >= backed]:
            log.error("the limit of %s does not hold: the disk has no room to count in", subject)
            del found[subject]
        self._slots_of_limits = found
        return found

    def _channels(self, channels: list[Channel]) -> tuple[dict[str, shape.Channel], dict[str, str]]:
        """Return the channels that can be served, with the arms that can; and the others' reasons."""
        self._free_slots(channels)
        left = self._deprecations()
        served, refused = {}, {}
        for channel in channels:
            arms_of = self._releases().arms(channel)
            problems = [self._problem(channel.name, arm) for arm in arms_of]
            found = [arm for arm, why in zip(arms_of, problems, strict=True) if not why]
            stable = [arm for arm in found if arm.role == "stable"]
            beside = [arm for arm in found if arm.role not in ("stable", "baseline")]
            arms = found if stable and beside else [replace(a, share=MILLION) for a in stable]
            if channel.rivals and stable and len(found) > 1:
                arms = [
                    arm if not why else _out(arm, stable[0])
                    for arm, why in zip(arms_of, problems, strict=True)
                ]
            if arms:
                made = tuple(_noticed(self._arm(channel.name, arm), channel, left) for arm in arms)
                served[channel.name] = shape.Channel(
                    made,
                    channel.unit,
                    channel.salt,
                    _caching(channel),
                    channel.exclude if len(made) > 1 else (),
                    shape.Scope(**asdict(channel.scope)) if channel.scope and made[1:] else None,
                )
            else:
                refused[channel.name] = problems[0]
        return served, refused

    def _problem(self, channel: str, arm: Arm) -> str:
        """Say why an arm cannot be served; nothing when it can."""
        try:
            made = self._arm(channel, arm)
            shape.check_arm("", made)
            if arm.currency:
                _check_priced(made)
        except (VolanoError, ValueError) as error:
            self._tell(arm.release_digest, error)
            return str(error)
        return ""

    def flow(self, release: Artifact) -> shape.Flow:
        """Return what a release says around requests, as the workers would have it.

        Raises:
            VolanoError: it could not be served, and why.
        """
        return self._pins.compile(str(release.digest)).flow

    def _arm(self, channel: str, arm: Arm) -> shape.Arm:
        found, targets = self._pins.of(arm.release_digest)
        return shape.Arm(
            release=arm.release,
            release_digest=arm.release_digest,
            targets=targets,
            share=arm.share,
            arm=arm.role,
            rollout=arm.rollout_id,
            slot=self._slot_of((channel, arm.release_digest)),
            flow=found.flow,
            strategy=found.strategy,
            latency_target_s=found.latency_target_s,
            currency=arm.currency,
        )

    def _slot_of(self, served: tuple[str, str]) -> int:
        """Give each release of each channel a slot in shared memory. Counters are read as differences."""
        if served not in self._release_slots:
            taken = set(self._release_slots.values())
            free = [slot for slot in range(RELEASES) if slot not in taken]
            self._release_slots[served] = free[0] if free else RELEASES - 1
        return self._release_slots[served]

    def _free_slots(self, channels: list[Channel]) -> None:
        """Take back slots of releases that nothing serves, the longest unused first, when few are left.

        So no two releases that serve share counters, as long as there are at most 64.
        """
        serving = {(c.name, d) for c in channels for d in c.served}
        gone = [served for served in self._release_slots if served not in serving]
        new = serving - set(self._release_slots)
        lacking = len(self._release_slots) + len(new) - RELEASES
        for served in gone[: max(0, lacking)]:
            del self._release_slots[served]

    def _tell(self, what: str, error: Exception, so: str = "cannot be served") -> None:
        """Say once what is wrong with a release, or with an entry of its pool."""
        if what not in self._told:
            self._told.add(what)
            log.error("the release %s %s: %s", what, so, error)


def _check_priced(arm: shape.Arm) -> None:
    """Make sure that a budget can hold what copies cost. Raises ValueError: nothing says what that is."""
    priced = [
        target for target in arm.targets
        if (target.pricing is None and target.engine)
        or (target.pricing is not None and target.pricing.currency == arm.currency)
    ]  # fmt: skip
    if not priced:
        names = ", ".join(target.model for target in arm.targets)
        raise ValueError(
            f"no price in {arm.currency} is known of {names}, so that no budget holds: nothing is "
            "copied to it (see `volano cost price`)"
        )


def _out(arm: Arm, stable: Arm) -> Arm:
    """Return the place of an arm that cannot be served: the stable release has it, nobody else moves."""
    return replace(stable, share=arm.share, role="out")


def _noticed(arm: shape.Arm, channel: Channel, left: Mapping[str, Deprecation]) -> shape.Arm:
    """Return the arm with what its callers are told: of the channel, which they name, or of it."""
    of_release = left.get(f"{RELEASE}{arm.release_digest}")
    one = left.get(f"{CHANNEL}{channel.name}", of_release)
    return arm if one is None else structs.replace(arm, deprecated=_deprecated(one))


def _followed(closed: Mapping[str, str], there: set[str]) -> dict[str, str]:
    """Return what follows the channels that are closed, also where that was closed in its turn."""
    found = {}
    for name in closed.keys() - there:
        follows, passed = closed[name], {name}
        while follows in closed and follows not in there | passed:
            passed.add(follows)
            follows = closed[follows]
        if follows in there:
            found[name] = follows
    return found


def _deprecated(one: Deprecation) -> Deprecated:
    """Return what callers are told. A channel is found as a model is, a release by the API."""
    until_s = None if one.until_us is None else one.until_us // 1_000_000
    where = "/v1/models/" if one.is_channel else "/api/v1/releases/"
    address = where + quote(one.successor, safe="/@") if one.successor else ""
    return Deprecated(one.since_us // 1_000_000, until_s, address)


def _caching(channel: Channel) -> shape.Caching | None:
    if channel.cache_ttl_s is None:
        return None
    scope, since_us = channel.cache_scope or "group", channel.cache_set_us or 0
    return shape.Caching(channel.cache_ttl_s, scope, since_us)
