"""Who sits at this machine, and the token by which the console knows its own pages.

Whoever can read the token's file is the owner of the workspace; there is no
other sign-in yet, and the gateway binds to loopback only.
"""

import hmac
import os
import pwd
import re
import secrets
from pathlib import Path

from volano.access.errors import DamagedSecretError
from volano.access.secret import load_or_create
from volano.core.principal import Principal

_TOKEN = re.compile(rb"[A-Za-z0-9_-]{43}")


def session_token(path: Path | str) -> str:
    """Return the console's token (256 bits, URL-safe); make it the first time.

    Raises:
        ExposedSecretError, SecretFileError: as in `secret.load_or_create`.
        DamagedSecretError: the file holds something else.
    """
    token = load_or_create(path, lambda: secrets.token_urlsafe(32).encode())
    if not _TOKEN.fullmatch(token):
        raise DamagedSecretError(path=path, what="session token")
    return token.decode()


def check_token(given: str | None, token: str) -> bool:
    """Whether the given token is the right one; takes the same time wherever it differs."""
    return given is not None and hmac.compare_digest(given.encode(errors="replace"), token.encode())


def local_principal() -> Principal:
    """Return the person at this machine: the user this process runs as, the owner."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)  # containers run under numbers that no user has
    return Principal("person", name, roles=frozenset({"owner"}))
