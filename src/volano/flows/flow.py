"""A one-prompt flow, and its compiled form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from volano.core.schema import response_format
from volano.prompts.prompt import Prompt
from volano.store.artifact import Artifact


@dataclass(frozen=True)
class Compiled:
    """All that the gateway needs to send one request of this flow upstream."""

    prompt: Prompt
    model: Artifact

    def to_dict(self) -> Mapping[str, Any]:
        """Return the shape that snapshots carry.

        The messages sent are `before`, then the client's own, the last user
        message wrapped in `user`; `defaults` fill what the client left out. A prompt with
        templates is its `wording` instead, rendered for each request.
        """
        prompt = self.prompt
        wrapped = prompt.plain and bool(prompt.prefix or prompt.suffix)
        defaults = dict(prompt.settings)
        if prompt.schema is not None:
            defaults["response_format"] = response_format(prompt.schema)
        shape = {
            "before": list(prompt.before),
            "user": [prompt.prefix, prompt.suffix] if wrapped else None,
            "defaults": defaults,
        }
        return shape if prompt.plain else {**shape, "wording": prompt.wording.to_dict()}
