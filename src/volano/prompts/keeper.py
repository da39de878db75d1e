"""The verbs on prompts."""

from collections.abc import Mapping
from typing import Any

from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.prompts.prompt import SLOT, Prompt, Worded
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog

KIND = "prompt"
FILE = "prompt.json"


class Prompts:
    """Keeps prompts as artifacts."""

    def __init__(self, catalog: Catalog):
        self._catalog = catalog

    def save(
        self,
        name: str,
        *,
        template: str = SLOT,
        system: str = "",
        settings: Mapping[str, Any] | None = None,
        by: Principal,
    ) -> Artifact:
        """Save the next version of a prompt.

        Raises:
            BadPromptError: no `{{input}}`, or an unknown setting.
        """
        before = ({"role": "system", "content": system},) if system else ()
        prompt = Prompt(template, before, {} if settings is None else settings)
        meta = {"template": template, "settings": dict(prompt.settings)}
        files = {FILE: prompt.to_bytes()}
        return self._catalog.record(KIND, name, files=files, meta=meta, by=by)

    def get(self, ref: Ref | str) -> Artifact:
        """Return a prompt's artifact."""
        return self._catalog.get(KIND, ref)

    def fetch(self, ref: Ref | str) -> Worded:
        """Return what a prompt says, as applications read it.

        Raises:
            UnknownArtifactError: no such prompt, version or label.
        """
        artifact = self.get(ref)
        prompt = self.read(artifact)
        return Worded(
            artifact.ref,
            str(artifact.digest),
            artifact.labels,
            prompt.template,
            prompt.before,
            prompt.settings,
        )

    def label(self, ref: Ref | str, label: str, *, by: Principal) -> Artifact:
        """Let a label name this version, and no other one from now on.

        Raises:
            BadRefError: the label cannot be one.
            UnknownArtifactError: no such prompt.
        """
        return self._catalog.label(KIND, ref, label, by=by)

    def unlabel(self, ref: Ref | str, *, by: Principal) -> Artifact:
        """Take a label away (`support:production`).

        Raises:
            UnknownArtifactError: nothing bears it.
        """
        return self._catalog.unlabel(KIND, ref, by=by)

    def list(self, *, limit: int = 50) -> list[Artifact]:
        """Return the newest prompts first."""
        return self._catalog.list(KIND, limit=limit)

    def read(self, artifact: Artifact) -> Prompt:
        """Return the prompt itself."""
        return Prompt.from_bytes(self._catalog.read(artifact, FILE))
