"""Cards: the verbs. The prose of a dataset's card is kept in versions, the facts are written anew."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.data.contracts import Contracts
from volano.data.exchange.card import card, front_of, profile
from volano.data.exchange.prepared import Prepared, prepared
from volano.data.exchange.prose import FILE, kept, prose_of, read_text
from volano.data.keeper import Datasets
from volano.store import Artifact, Catalog
from volano.store.errors import UnknownArtifactError

KIND = "card"
_RECIPE = "recipe.json"
"""The file of a recipe's artifact."""


class Cards:
    """The cards of all datasets of one workspace."""

    def __init__(self, catalog: Catalog, rows: Datasets, contracts: Contracts):
        self._catalog = catalog
        self._rows = rows
        self._contracts = contracts

    def show(self, ref: str | Ref, *, by: Principal | None = None) -> str:
        """Return the card of a version, in Markdown.

        Raises:
            UnknownArtifactError: there is no such dataset.
        """
        return self.text(self._rows.get(ref), by=by)

    def edit(self, name: str, path: Path | str, *, by: Principal) -> Artifact:
        """Take over the prose of a dataset's card from a file: all but the facts.

        Raises:
            BadFrontMatterError: the file is no text, or its front matter no YAML.
            BadRefError: the name cannot be one.
        """
        text = read_text(Path(path))
        name = check_name(Ref.parse(name).name)
        prose = prose_of(text, self._said(name), file=Path(path).name)
        return kept(self._catalog, KIND, name, prose, by=by)

    def text(
        self,
        artifact: Artifact,
        front: Mapping[str, Any] | None = None,
        *,
        by: Principal | None = None,
    ) -> str:
        """Return the card of a dataset's version, with the facts that are for its reader.

        `front` is added to the front matter.
        """
        cards = self._catalog.list(KIND, artifact.name, limit=1)
        prose = self._catalog.read(cards[0], FILE).decode() if cards else ""
        contract = self._contracts.of(artifact.name)
        classes = {name: one.classed for name, one in contract.columns.items()} if contract else {}
        found = profile(self._rows.stream(artifact.ref, by=by))
        return card(
            artifact, found, self._catalog.lineage(artifact.digest), prose, front, classes,
            self._prepared(artifact),
        )  # fmt: skip

    def _prepared(self, artifact: Artifact) -> Prepared:
        """Return what the recipe says that a version was made by; nothing where it was made otherwise."""
        meta = artifact.manifest.meta
        recipe = meta.get("recipe")
        if not isinstance(recipe, Mapping) or "digest" not in recipe:
            return Prepared()
        try:
            made_by = self._catalog.by_digest(str(recipe["digest"]))
        except UnknownArtifactError:
            return Prepared()
        return prepared(json.loads(self._catalog.read(made_by, _RECIPE)), meta.get("report", {}))

    def _said(self, name: str) -> Mapping[str, Any]:
        """Return what the facts of the newest version say on top of its card."""
        try:
            artifact = self._rows.get(name)
        except UnknownArtifactError:
            return {}
        found = profile(self._rows.stream(artifact.ref))
        return front_of(artifact, found, self._catalog.lineage(artifact.digest))
