"""How values stand in a text: texts as they are, all else as JSON writes it."""

import json
from typing import Any

from volano.core.template.missing import there


def written(value: Any) -> str:
    """Return the value as text.

    Raises:
        FillError: it is not there.
        ValueError: it has no JSON form.
    """
    if isinstance(there(value, "write"), str):
        return str(value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
