"""Where the rows of reports live in a console, for whom reads of them elsewhere."""

import re
from collections.abc import Callable
from urllib.parse import urlencode

from volano.evals.errors import BadConsoleError

Link = Callable[[str, int], str]
_CONSOLE = re.compile(
    r"https?://[A-Za-z0-9.\-_~:\[\]]{1,255}(?:/[A-Za-z0-9.\-_~/]{0,255})?", re.ASCII
)


def linking(console: str) -> Link | None:
    """Return what gives the address of a report's row in the console; None where that is not known.

    Raises:
        BadConsoleError: it is no address.
    """
    start = _start(console)
    if not start:
        return None

    def link(report: str, at: int) -> str:
        return f"{start}/reports/answers?{urlencode({'report': report, 'after': at})}"

    return link


def side_by_side(console: str, a: str, b: str) -> str:
    """Return the address of two reports beside each other.

    Raises:
        BadConsoleError: it is no address.
    """
    return f"{_start(console)}/reports/compare?{urlencode({'a': a, 'b': b})}"


def _start(console: str) -> str:
    if console and not _CONSOLE.fullmatch(console):
        raise BadConsoleError(console=console[:80])
    return console.rstrip("/")
