"""Pins: what releases pin, compiled once: releases never change, and one that was tampered with is never served."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from volano.core.digest import Digest
from volano.core.errors import VolanoError
from volano.flows.keeper import Flows
from volano.gateway import snapshot as shape
from volano.gateway.addresses import Addresses, Tell
from volano.gateway.engines import holds_schemas
from volano.models.pointer import pool_of
from volano.releases.errors import TamperedReleaseError
from volano.releases.keeper import Releases
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.store.errors import CorruptBlobError, MissingBlobError


@dataclass(frozen=True)
class Pinned:
    """What a release pins, compiled; without a model: the targets as they were published."""

    flow: shape.Flow
    strategy: str
    model: Artifact | None
    targets: tuple[shape.Target, ...] = ()
    latency_target_s: float = 0.0


class Pins:
    """Compiles releases. `published` is the last snapshot's file; with `several`, a model may have more than one engine."""

    def __init__(
        self,
        catalog: Catalog,
        flows: Flows,
        releases: Callable[[], Releases],
        addresses: Addresses,
        *,
        published: Path,
        several: bool,
        tell: Tell,
    ):
        self._catalog = catalog
        self._flows = flows
        self._releases = releases
        self._addresses = addresses
        self._published = published
        self._several = several
        self._tell = tell
        self._pinned: dict[str, Pinned] = {}
        self._trusted: dict[str, Artifact] = {}

    def of(self, release_digest: str) -> tuple[Pinned, tuple[shape.Target, ...]]:
        """Return what a release pins, and its targets.

        What it pins is compiled once: releases never change. Where a target is and
        with which keys it is asked is looked up each time: that is operations.
        """
        if release_digest not in self._pinned:
            try:
                self._pinned[release_digest] = self.compile(release_digest)
            except VolanoError as error:
                self._pinned[release_digest] = self._as_published(release_digest, error)
        found = self._pinned[release_digest]
        targets = found.targets if found.model is None else self._addresses.of(found.model)
        return found, targets

    def compile(self, release_digest: str) -> Pinned:
        """Return what a release pins.

        Raises:
            VolanoError: it cannot be served, and why.
        """
        release = self._trust(release_digest)
        compiled = self._flows.compile(self._releases().flow_of(release))
        raw = compiled.to_dict()
        user = tuple(raw["user"]) if raw["user"] else None
        defaults = dict(raw["defaults"])
        if not all(map(holds_schemas, self._addresses.own(compiled.model))):
            defaults.pop("response_format", None)
        flow = shape.Flow(tuple(raw["before"]), user, defaults, raw.get("wording"))
        self._addresses.of(compiled.model)
        pool = pool_of(compiled.model)
        if pool is None:
            strategy = "least-busy" if self._several else "ordered"
            return Pinned(flow, strategy, compiled.model)
        target_s = (pool.latency_ms or 0) / 1000
        return Pinned(flow, pool.strategy, compiled.model, latency_target_s=target_s)

    def _trust(self, release_digest: str) -> Artifact:
        """Return a release that is what was signed; asked once.

        Raises:
            TamperedReleaseError: it is not.
            MissingBlobError, CorruptBlobError: it cannot be told.
        """
        if release_digest not in self._trusted:
            self._trusted[release_digest] = self._releases().trusted(release_digest)
        return self._trusted[release_digest]

    def _as_published(self, release_digest: str, error: VolanoError) -> Pinned:
        """Go on with what was published of a stable release whose stored bytes are damaged since.

        Raises:
            VolanoError: the given one, when it was not published as stable, or was tampered with.
        """
        if isinstance(error, TamperedReleaseError):
            raise error
        try:
            last = shape.read(self._published)
        except VolanoError:
            raise error from None
        for channel in last.channels.values():
            for arm in channel.arms:
                if arm.release_digest == release_digest and arm.arm == "stable":
                    self._tell(release_digest, error, "is damaged and served as before")
                    return Pinned(arm.flow, arm.strategy, None, arm.targets, arm.latency_target_s)
        raise error

    def model(self, release_digest: str) -> Artifact:
        """Return the model of a release, unless it was tampered with.

        Damaged bytes do not matter here: it may be served as it was published.
        """
        with suppress(MissingBlobError, CorruptBlobError):
            self._trust(release_digest)
        release = self._catalog.by_digest(Digest(release_digest))
        [digest] = [p.digest for p in release.manifest.parents if p.role == "model"]
        return self._catalog.by_digest(digest)
