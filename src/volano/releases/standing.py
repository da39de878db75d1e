"""A release's standing: who serves it, what is said of its life, and where it arrived."""

import time
from collections.abc import Iterator

from volano.core.noted import Noted
from volano.core.ref import Ref
from volano.releases.deprecation import RELEASE, Deprecations
from volano.releases.environments import Environments
from volano.releases.keeper import Releases
from volano.releases.retirement import Retirements
from volano.store.artifact import Artifact


class Standings:
    """Says in a few sentences how releases stand."""

    def __init__(
        self,
        releases: Releases,
        deprecations: Deprecations,
        retirements: Retirements,
        environments: Environments,
    ):
        self._releases = releases
        self._deprecations = deprecations
        self._retirements = retirements
        self._environments = environments

    def show(self, ref: Ref | str) -> Noted:
        """Return a release, and how it stands.

        Raises:
            UnknownArtifactError: there is no such release.
        """
        release = self._releases.get(ref)
        return Noted(release, tuple(self.sentences(release)))

    def sentences(self, release: Artifact) -> Iterator[str]:
        """Say who serves it, whether it is deprecated or retired, and where it arrived."""
        users = ", ".join(self._releases.in_use(release.digest)) or "no channel"
        yield f"Served by {users}."
        left = self._deprecations.by_subject().get(f"{RELEASE}{release.digest}")
        if left is not None:
            yield f"{left.says[0].upper()}{left.says[1:]}."
        ended = self._retirements.of(str(release.digest))
        if ended is not None:
            why = f": {ended.why}" if ended.why else ""
            yield f"Retired {_day(ended.at_us)} by {ended.by}{why}; it never serves again."
        yield from self._environments.notes(release)


def _day(at_us: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at_us // 1_000_000))
