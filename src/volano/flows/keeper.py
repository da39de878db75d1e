"""The verbs on flows."""

import json

from volano.core.digest import Digest
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.flows.flow import Compiled
from volano.models.keeper import Models
from volano.prompts.keeper import Prompts
from volano.prompts.prompt import Prompt
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog

KIND = "flow"
FILE = "flow.json"


class Flows:
    """Keeps flows as artifacts, and compiles them for the gateway."""

    def __init__(self, catalog: Catalog, prompts: Prompts, models: Models):
        self._catalog = catalog
        self._prompts = prompts
        self._models = models

    def compose(
        self, name: str, *, model: Ref | str, prompt: Ref | str | None = None, by: Principal
    ) -> Artifact:
        """Join a model and, if given, a prompt into the next version of a flow.

        Raises:
            ModelNotUsableError: the model has not passed its parity check, its life is over,
                or nothing here can serve it.
        """
        return self.keep(name, model=model, prompt=prompt, by=by)

    def keep(
        self, name: str, *, model: Ref | str, prompt: Ref | str | None, after: str = "",
        by: Principal,
    ) -> Artifact:  # fmt: skip
        """As `compose`; what an older version pinned is a new version `after` another.

        Raises:
            As `compose`.
        """
        weights, pins = self._models.get(model), self.pins(model, prompt)
        own = [parent for parent in weights.manifest.parents if parent.role == "own"]
        parents = [*(Parent(role, Digest(pin)) for role, pin in pins.items()), *own]
        content = json.dumps({"kind": "prompt", **pins}, sort_keys=True).encode()
        files, meta = {FILE: content}, {"kind": "prompt", **pins}
        if after:
            meta["after"] = after
        return self._catalog.record(KIND, name, files=files, parents=parents, meta=meta, by=by)

    def pins(self, model: Ref | str, prompt: Ref | str | None = None) -> dict[str, str]:
        """Return the digests that a flow composed now would pin, by role.

        Raises:
            ModelNotUsableError: as in `compose`.
        """
        found = {"model": str(self._models.servable(self._models.get(model)).digest)}
        if prompt is not None:
            found["prompt"] = str(self._prompts.get(prompt).digest)
        return found

    def get(self, ref: Ref | str) -> Artifact:
        """Return a flow's artifact."""
        return self._catalog.get(KIND, ref)

    def list(self, *, limit: int = 50) -> list[Artifact]:
        """Return the newest flows first."""
        return self._catalog.list(KIND, limit=limit)

    def usable(self, flow: Artifact) -> Artifact:
        """Return the flow again if its model may still answer people.

        Raises:
            ModelNotUsableError: a model that it pins is retired or revoked, did not pass parity, or
                cannot be served here.
        """
        for parent in flow.manifest.parents:
            if parent.role in ("model", "own"):
                self._models.servable(self._catalog.by_digest(parent.digest))
        return flow

    def compile(self, flow: Artifact) -> Compiled:
        """Return the flow with everything it pins read and checked."""
        pins = json.loads(self._catalog.read(flow, FILE))
        prompt = Prompt()
        if "prompt" in pins:
            prompt = self._prompts.read(self._catalog.by_digest(pins["prompt"]))
        return Compiled(prompt, self._catalog.by_digest(pins["model"]))
