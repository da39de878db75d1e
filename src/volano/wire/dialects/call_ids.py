"""Ids of tool calls, in the form that a provider takes.

A conversation may have begun elsewhere, with ids that this provider refuses. Such an
id is replaced by one that is made of it: the same for the call and for its result, and
the same whenever the conversation is sent again.
"""

import hashlib
import re


def fitting(given: str, form: re.Pattern[str], prefix: str) -> str:
    """Return the id, or where it does not wholly match the form, one made of it."""
    if form.fullmatch(given):
        return given
    return prefix + hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:32]
