"""What a release shows besides its lineage: how it stands, signature, pins, its rollouts."""

from collections.abc import Sequence
from typing import Any

from volano.web.pages import kinds
from volano.web.pages.i18n import N_
from volano.web.pages.i18n import gettext as _
from volano.web.pages.rollouts import rollouts_table
from volano.web.pages.view import Cell, Facts, Section

_WORDS = {"served by": N_("served by"), "deprecated": N_("deprecated"), "retired": N_("retired"),
          "arrived on": N_("arrived on"), "checked": N_("checked")}  # fmt: skip


def release_sections(app: Any, artifact: Any) -> Sequence[Section]:
    """Return how it stands, signature, pins and the rollouts that moved this release."""
    mine = [each for each in app.releases.rollouts(limit=200) if each.candidate_ref == artifact.ref]
    standing = [
        (_(_WORDS[word]), Cell("text", text)) for word, text in app.standings.facts(artifact)
    ]
    return [
        Facts(_("How it stands"), standing),
        *kinds.release_pins(app, artifact),
        rollouts_table(mine),
    ]
