"""What a release shows besides its lineage: signature, pins, its rollouts, who serves it."""

from collections.abc import Sequence
from typing import Any

from volano.web.pages import kinds
from volano.web.pages.rollouts import rollouts_table
from volano.web.pages.view import Section


def release_sections(app: Any, artifact: Any) -> Sequence[Section]:
    """Return signature, pins and the rollouts that moved this release."""
    mine = [each for each in app.releases.rollouts(limit=200) if each.candidate_ref == artifact.ref]
    return [*kinds.release_pins(app, artifact), rollouts_table(mine)]
