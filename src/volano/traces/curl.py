"""As curl: the request of a call as a command that says it again, through this gateway."""

import base64
import shlex

from volano.traces.errors import NoRequestError
from volano.traces.trace import Trace

PATHS = {
    "openai.chat": "/v1/chat/completions",
    "openai.completions": "/v1/completions",
    "openai.responses": "/v1/responses",
    "openai.embeddings": "/v1/embeddings",
    "anthropic.messages": "/v1/messages",
    "anthropic.count_tokens": "/v1/messages/count_tokens",
}
"""Where each door is, as `gateway.door` has it: a test compares them."""


def as_curl(trace: Trace, request: bytes, address: str) -> str:
    """Return the command. The key is not in it: `$VOLANO_KEY` is.

    Raises:
        NoRequestError: the body was not kept, or the door has no path.
    """
    path = PATHS.get(trace.door)
    if path is None or not request:
        raise NoRequestError(trace=trace.id)
    streamed = ["-N"] if trace.streamed else []
    words = ["curl", *streamed, shlex.quote(f"{address}{path}")]
    lines = [
        " ".join(words),
        '-H "Authorization: Bearer $VOLANO_KEY"',
        "-H 'Content-Type: application/json'",
    ]
    if trace.door.startswith("anthropic."):
        lines.append("-H 'anthropic-version: 2023-06-01'")
    body = _text(request)
    if body is not None:
        return " \\\n  ".join([*lines, f"--data-raw {shlex.quote(body)}"])
    encoded = base64.b64encode(request).decode()
    return f"echo {encoded} | base64 -d |\n" + " \\\n  ".join([*lines, "--data-binary @-"])


def _text(request: bytes) -> str | None:
    """Return the body where a shell passes it on byte for byte."""
    try:
        text = request.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
