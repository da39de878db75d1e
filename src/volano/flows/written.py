"""A flow as a document: `kind: Flow`, which model answers and with which prompt."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from volano.core.ref import Ref
from volano.flows.errors import BadFlowError

KIND = "Flow"
FIELDS = ("kind", "name", "model", "prompt")


@dataclass(frozen=True, slots=True)
class Written:
    """What a document says. A name without a version means the newest when it is applied."""

    model: Ref
    prompt: Ref | None = None

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "Written":
        """Read a document.

        Raises:
            BadFlowError, BadRefError: what is wrong with it.
        """
        unknown = [key for key in content if key not in FIELDS]
        if unknown:
            why = f"there is no `{str(unknown[0])[:40]}` in it (known: {', '.join(FIELDS)})"
            raise BadFlowError(why=why)
        model, prompt = content.get("model"), content.get("prompt")
        if not isinstance(model, str) or not isinstance(prompt, str | None):
            raise BadFlowError(why="`model` and `prompt` are names, and it has a model")
        return cls(
            Ref.parse(model.removeprefix("model/")),
            None if prompt is None else Ref.parse(prompt.removeprefix("prompt/")),
        )
