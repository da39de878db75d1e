"""Where a report's rows and comparisons live."""

from collections.abc import Sequence
from urllib.parse import urlencode


def answers(report: str, **query: str | int) -> str:
    """Return the address of a report's rows, narrowed down; what is empty is left out."""
    asked = {"report": report, **{k: v for k, v in query.items() if v not in ("", 0)}}
    return f"/reports/answers?{urlencode(asked)}"


def compared(refs: Sequence[str] = ()) -> str:
    """Return the address of reports side by side."""
    asked = [("a" if not at else "b", ref) for at, ref in enumerate(refs)]
    return f"/reports/compare{'?' + urlencode(asked) if asked else ''}"
