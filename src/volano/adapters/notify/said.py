"""What a file says of a receiver: checked when it is read, secrets taken from the environment later."""

import difflib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from volano.core.errors import UnavailableError
from volano.core.lazy import lazy
from volano.core.ports.notify import BadReceiverError, NoSecretError

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = lazy("httpx2")

TIMEOUT_S = 10.0


class NotTakenError(UnavailableError):
    """It was not taken: {why}."""


def need(
    said: Mapping[str, Any], *, known: tuple[str, ...], one_of: tuple[tuple[str, ...], ...]
) -> None:
    """Check the keys: none unknown, and of each group exactly one.

    Raises:
        BadReceiverError: says which.
    """
    for key in said:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            meant = f" (did you mean `{near[0]}`?)" if near else ""
            raise BadReceiverError(why=f"`{key}` says nothing here{meant}")
    for group in one_of:
        if sum(bool(said.get(key)) for key in group) != 1:
            raise BadReceiverError(why=f"it needs `{'` or `'.join(group)}`")


def secret(said: Mapping[str, Any], name: str) -> str:
    """Return the value that the variable `<name>_env` has now, or an empty text.

    Raises:
        NoSecretError: the variable is not set.
    """
    variable = said.get(f"{name}_env")
    if not variable:
        return ""
    value = os.environ.get(str(variable), "")
    if not value:
        raise NoSecretError(variable=variable)
    return value


def url(said: Mapping[str, Any]) -> str:
    """Return the address.

    Raises:
        NoSecretError: it is in a variable that is not set.
    """
    return str(said.get("url") or secret(said, "url"))


def check_url(said: Mapping[str, Any]) -> None:
    """Check the address, where it stands there.

    Raises:
        BadReceiverError: it is none.
    """
    given = said.get("url")
    if given and (
        urlsplit(str(given)).scheme not in ("http", "https") or not urlsplit(given).netloc
    ):
        raise BadReceiverError(why="`url` begins with https:// or http://")


def post(to: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Send it; return when the other side has said 2xx. The address may be a secret: it is not told.

    Raises:
        NotTakenError: it did not.
    """
    try:
        answer = httpx2.post(
            to, content=body, headers={"content-type": "application/json", **headers},
            timeout=TIMEOUT_S, follow_redirects=False,
        )  # fmt: skip
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise NotTakenError(why=f"no answer ({type(error).__name__})") from error
    if not 200 <= answer.status_code < 300:
        raise NotTakenError(why=f"the answer was {answer.status_code}")
