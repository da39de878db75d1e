"""Who may be asked with which key: whom the base asks, or somebody allowed; and what is never told."""

from collections.abc import Iterable, Sequence

from volano.ci.errors import NotAllowedError
from volano.ci.rules import Check, origin, urls
from volano.ci.side import Side
from volano.evals.redacted import keys


def check_allowed(check: Check, old: Side, allow: Sequence[str]) -> None:
    """Make sure that a check asks, with its key, only whom the base does or somebody allowed.

    Raises:
        NotAllowedError: it names another.
    """
    said = {tuple([*one.partition("=")][::2]) for one in allow}
    known = {(origin(one), key) for one, key in said} | (
        old.rules.origins() if old.rules else set()
    )
    known |= {(one, "") for one, _ in known}
    for url in urls(check):
        one = origin(url)
        if (one, check.key_env) not in known:
            key = f" with the key in {check.key_env}" if check.key_env else ""
            wanted = f"{one}={check.key_env}" if check.key_env else one
            raise NotAllowedError(check=check.name, origin=one, key=key, allow=wanted)


def secrets(checks: Iterable[Check], held: Iterable[str] = ()) -> list[str]:
    """Return the keys that checks name, and those that the workspace has `held`; the longest first."""
    return keys((one.key_env for one in checks), held)
