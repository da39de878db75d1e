"""What a client of Anthropic's API says in headers, for a target that speaks it too.

`anthropic-beta` opts in to features of the request's body, which passes as it came, so
it must pass with it; `anthropic-version` says how both sides' bodies are written. Where
the request is put into other words neither means anything, and neither is passed on.
"""

import re

from volano.gateway.call import Call

CLIENTS_SAY = frozenset(("anthropic.messages", "anthropic.count_tokens"))
"""Dialects whose clients say such things."""
_VALUE = re.compile(rb"[!-~]([ !-~]{0,2000}[!-~])?")
_VERSION = re.compile(rb"(\r\nanthropic-version: )[^\r]*")
_BETA = re.compile(rb"(\r\nanthropic-beta: [^\r]*)")


def with_clients(head: bytes, call: Call, dialect: str) -> bytes:
    """Return a request's head with what the client says; betas are added to the target's own."""
    if dialect not in CLIENTS_SAY or call.door.name != dialect:
        return head
    fields, route = call.request.fields, call.route
    version, beta = fields.get(b"anthropic-version"), fields.get(b"anthropic-beta")
    if version and route is not None and route.plain and _VALUE.fullmatch(version):
        head = _VERSION.sub(lambda line: line[1] + version, head, count=1)
    if beta and _VALUE.fullmatch(beta):
        found = _BETA.search(head)
        if found is not None:
            return head[: found.end()] + b"," + beta + head[found.end() :]
        at = head.index(b"\r\n")
        head = head[:at] + b"\r\nanthropic-beta: " + beta + head[at:]
    return head
