"""The versions that files said last: they bear a mark, by which what left the files is found."""

from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.declared import MARK, Change
from volano.declared.change import LEFT
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.store.errors import UnknownArtifactError


class Marked:
    """The marks on one kind of artifact; `said` is what files call that kind."""

    def __init__(self, catalog: Catalog, artifact: str, said: str):
        self._catalog = catalog
        self._artifact = artifact
        self._said = said

    def newest(self, name: str) -> Artifact | None:
        """Return the newest version of a name, if there is one."""
        return self._at(Ref(name))

    def of(self, name: str) -> Artifact | None:
        """Return the version of a name that files said last, if there is one."""
        return self._at(Ref(name, label=MARK))

    def put(self, made: Artifact, *, by: Principal) -> None:
        """Move the mark to this version, where it is elsewhere."""
        if self.of(made.name) != made:
            self._catalog.label(self._artifact, made.ref, MARK, by=by)

    def left(self, names: set[str]) -> list[Change]:
        """Return what bears the mark and is not among the names any more."""
        return [
            Change(self._said, one.name, "", LEFT, one.ref, (MARK,))
            for one in self._catalog.labelled(self._artifact, MARK)
            if one.name not in names
        ]

    def let_go(self, change: Change, *, by: Principal) -> None:
        """Take the mark of a name away."""
        self._catalog.unlabel(self._artifact, f"{change.name}:{MARK}", by=by)

    def _at(self, ref: Ref) -> Artifact | None:
        try:
            return self._catalog.get(self._artifact, ref)
        except UnknownArtifactError:
            return None
