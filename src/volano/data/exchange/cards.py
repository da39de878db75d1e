"""Cards: the verbs. The prose of a dataset's card is kept in versions, the facts are written anew."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.data.contracts import Contracts
from volano.data.exchange.card import card, front_of, profile, prose_of
from volano.data.exchange.errors import BadFrontMatterError
from volano.data.keeper import Datasets
from volano.data.page import page
from volano.store import Artifact, Catalog
from volano.store.errors import UnknownArtifactError

KIND = "card"
_FILE = "README.md"


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
        path = Path(path)
        try:
            text = page(path)
        except (OSError, ValueError) as error:
            raise BadFrontMatterError(path=path.name, why=str(error)) from error
        name = check_name(Ref.parse(name).name)
        prose = prose_of(text, self._said(name))
        return self._catalog.record(KIND, name, files={_FILE: prose.encode()}, by=by)

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
        kept = self._catalog.list(KIND, artifact.name, limit=1)
        prose = self._catalog.read(kept[0], _FILE).decode() if kept else ""
        contract = self._contracts.of(artifact.name)
        classes = {name: one.classed for name, one in contract.columns.items()} if contract else {}
        found = profile(self._rows.stream(artifact.ref, by=by))
        return card(artifact, found, self._catalog.lineage(artifact.digest), prose, front, classes)

    def _said(self, name: str) -> Mapping[str, Any]:
        """Return what the facts of the newest version say on top of its card."""
        try:
            artifact = self._rows.get(name)
        except UnknownArtifactError:
            return {}
        found = profile(self._rows.stream(artifact.ref))
        return front_of(artifact, found, self._catalog.lineage(artifact.digest))
