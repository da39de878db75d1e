"""How releases and channels stand: who serves, what should be left, what is over, what arrived."""

import time
from collections.abc import Iterator

from volano.core.noted import Noted
from volano.core.ref import Ref
from volano.releases.demands import Demands
from volano.releases.deprecation import CHANNEL, RELEASE, Deprecations
from volano.releases.environments import Environments
from volano.releases.keeper import Releases
from volano.releases.retirement import Retirements
from volano.store.artifact import Artifact

CHECKS = 5
"""So many of the last checks are told."""


class Standings:
    """Says in a few sentences how releases and channels stand."""

    def __init__(
        self,
        releases: Releases,
        deprecations: Deprecations,
        retirements: Retirements,
        environments: Environments,
        demands: Demands,
    ):
        self._releases = releases
        self._deprecations = deprecations
        self._retirements = retirements
        self._environments = environments
        self._demands = demands

    def show(self, ref: Ref | str) -> Noted:
        """Return a release, and how it stands.

        Raises:
            UnknownArtifactError: there is no such release.
        """
        release = self._releases.get(ref)
        told = self.facts(release)
        return Noted(
            release, tuple(f"{word.capitalize()} {text.rstrip('.')}." for word, text in told)
        )

    def channel(self, name: str) -> Noted:
        """Return a channel, and whether it should be left.

        Raises:
            UnknownChannelError: nothing was ever promoted to it.
        """
        found = self._releases.channel(name)
        left = self._deprecations.by_subject().get(f"{CHANNEL}{found.name}")
        return Noted(found, (f"It is {left.says}.",) if left else ())

    def facts(self, release: Artifact) -> Iterator[tuple[str, str]]:
        """Say who serves it, whether it is deprecated or retired, and where it arrived."""
        yield "served by", ", ".join(self._releases.in_use(release.digest)) or "no channel"
        left = self._deprecations.by_subject().get(f"{RELEASE}{release.digest}")
        if left is not None:
            yield "deprecated", left.says.removeprefix("deprecated ")
        ended = self._retirements.of(str(release.digest))
        if ended is not None:
            day = time.strftime("%Y-%m-%d", time.gmtime(ended.at_us // 1_000_000))
            why = f": {ended.why}" if ended.why else ""
            yield "retired", f"{day} by {ended.by}{why}; it never serves again"
        for arrived in self._environments.arrived(release):
            yield "arrived on", arrived
        for one in self._demands.checks(release=release.ref, limit=CHECKS):
            where = f" for {one.channel}" if one.channel else ""
            yield "checked", f"against {one.baseline_ref}{where}: {one.outcome}. {one.why}"
