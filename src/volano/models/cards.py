"""Cards of models: the verbs. The prose is kept in versions, the facts are written anew."""

from pathlib import Path

from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.data.exchange.prose import FILE, kept, prose_of, read_text
from volano.models.card import GENERATED, Told, card, front_of
from volano.models.kinds import KIND
from volano.models.lives import Lives
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.store.errors import UnknownArtifactError

CARD = "model-card"
_MOST_REPORTS = 50


class ModelCards:
    """The cards of all models of one workspace."""

    def __init__(self, catalog: Catalog, lives: Lives):
        self._catalog = catalog
        self._lives = lives

    def show(self, ref: str | Ref) -> str:
        """Return the card of a model, in Markdown.

        Raises:
            UnknownArtifactError: there is no such model.
        """
        return self.text(self._catalog.get(KIND, ref))

    def edit(self, name: str, path: Path | str, *, by: Principal) -> Artifact:
        """Take over the prose of a model's card from a file: all but the facts.

        Raises:
            BadFrontMatterError: the file is no text, or its front matter no YAML.
            BadRefError: the name cannot be one.
        """
        text, name = read_text(Path(path)), check_name(Ref.parse(name).name)
        try:
            said = front_of(self._told(self._catalog.get(KIND, name)))
        except UnknownArtifactError:
            said = {}
        prose = prose_of(text, said, GENERATED, file=Path(path).name)
        return kept(self._catalog, CARD, name, prose, by=by)

    def text(self, model: Artifact) -> str:
        """Return the card of a version, with what people wrote."""
        found = self._catalog.list(CARD, model.name, limit=1)
        prose = self._catalog.read(found[0], FILE).decode() if found else ""
        return card(self._told(model), prose)

    def _told(self, model: Artifact) -> Told:
        return Told(
            model=model,
            lineage=self._catalog.lineage(model.digest),
            reports=self._reports(model),
            state=self._lives.state_of(model.digest),
            channels=self._lives.users(model),
        )

    def _reports(self, model: Artifact) -> list[Artifact]:
        """Return the reports on a model and on the flows that it answers in, newest last.

        Those of searches, of advice and of judges are not among them: their scores are of others.
        """
        children = self._catalog.children(model.digest)
        flows = [one.digest for one in children if one.kind == "flow"]
        made = {one.digest: one for one in [*children, *self._catalog.made_of(flows)]}
        reports = [
            one for one in made.values()
            if one.kind == "report" and "about" not in one.manifest.meta
        ]  # fmt: skip
        return sorted(reports, key=lambda one: one.created_us)[-_MOST_REPORTS:]
