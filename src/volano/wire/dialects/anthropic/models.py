"""The list of models, as Anthropic's clients read it, page by page.

Reference: https://platform.claude.com/docs/en/api/models/list. What it can tell of a
model of Anthropic's (limits, abilities, when it retires) is not known of a channel.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from volano.wire.openai import FieldError

USUAL, MOST = 20, 1000
"""Models on a page: where the client does not say, and at most."""


def models_body(names: list[str], created_s: int, query: Mapping[str, str]) -> bytes:
    """Return one page of the list: `limit` models after `after_id`, or before `before_id`.

    Raises:
        FieldError: the query asks for what cannot be.
    """
    limit = _limit(query.get("limit", str(USUAL)))
    after, before = query.get("after_id"), query.get("before_id")
    if after and before:
        raise FieldError("Only one of `after_id` and `before_id` can be given.", "after_id")
    if before:
        rest = names[: _place(names, before, "before_id")]
        page = rest[-limit:]
    else:
        rest = names[_place(names, after, "after_id") + 1 :] if after else names
        page = rest[:limit]
    return msgspec.json.encode(
        {
            "data": [_model(name, created_s) for name in page],
            "has_more": len(rest) > len(page),
            "first_id": page[0] if page else None,
            "last_id": page[-1] if page else None,
        }
    )


def model_body(name: str, created_s: int) -> bytes:
    """Return what `GET /v1/models/{name}` answers."""
    return msgspec.json.encode(_model(name, created_s))


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST):
        raise FieldError(f"`limit` must be a number from 1 to {MOST}.", "limit")
    return int(text)


def _place(names: list[str], name: str, param: str) -> int:
    if name not in names:
        raise FieldError(f"`{param}` names no model of this list.", param)
    return names.index(name)


def _model(name: str, created_s: int) -> dict[str, Any]:
    created = datetime.fromtimestamp(created_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    unknown = ("capabilities", "deprecated_at", "line", "max_input_tokens", "max_tokens",
               "retires_at")  # fmt: skip
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": created,
        "lifecycle": "active",
        **dict.fromkeys(unknown),
    }
