"""A one-prompt flow, and its compiled form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
        message wrapped in `user`; `defaults` fill what the client left out.
        """
        wrapped = bool(self.prompt.prefix or self.prompt.suffix)
        return {
            "before": list(self.prompt.before),
            "user": [self.prompt.prefix, self.prompt.suffix] if wrapped else None,
            "defaults": dict(self.prompt.settings),
        }
