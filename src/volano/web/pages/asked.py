"""What a list is asked for, read from an address."""

from collections.abc import Mapping

from volano.web.pages.view import Asked

MAX_ROWS = 200
ROWS = 50
_MOST = 200
_MOST_WHERE = 4_100


def asked_for(query: Mapping[str, str]) -> Asked:
    """Read a query: words, where the page begins, how many rows, and the filters."""
    limit = query.get("limit", "")
    return Asked(
        q=query.get("q", "").strip()[:_MOST],
        before=query.get("before") or None,
        limit=min(max(int(limit), 1), MAX_ROWS) if limit.isdigit() and len(limit) < 6 else ROWS,
        filters={
            name: value[:_MOST_WHERE]
            for name, value in query.items()
            if name not in ("q", "before", "limit")
        },
    )
