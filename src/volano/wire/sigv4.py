"""AWS Signature Version 4: prove with a secret key who sends a request.

Pure: time and credentials come in, header lines go out. The order is Amazon's
(IAM User Guide, "Create a signed AWS API request"): canonical request, string to
sign, key derived from the day, signature. The result is valid for about five
minutes around `at_us`, so that a retry is signed anew.

The path is the one that will stand on the request line, already percent-encoded.
All services but S3 encode it once more in the canonical request: the `:` of a
Bedrock model id travels as `%3A` and is signed as `%253A`.
"""

import hmac
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote

Headers = Sequence[tuple[str, str]]

_ALGORITHM = "AWS4-HMAC-SHA256"
_NOT_SIGNED = frozenset(
    ("authorization", "baggage", "connection", "expect", "keep-alive", "proxy-authenticate",
     "proxy-authorization", "te", "traceparent", "tracestate", "trailer", "transfer-encoding",
     "upgrade", "user-agent", "x-amzn-trace-id")
)  # fmt: skip
"""Headers that a hop may change, add or drop on the way: signing them would break the proof."""


class Credentials(NamedTuple):
    """A key pair of AWS; `session_token` comes with temporary ones."""

    access_key: str
    secret_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.access_key!r}, ...)"


class Scope(NamedTuple):
    """Where a signature is valid, such as ("us-east-1", "bedrock")."""

    region: str
    service: str


def sign(
    method: str,
    path: str,
    query: str = "",
    *,
    host: str,
    headers: Headers = (),
    body: bytes = b"",
    credentials: Credentials,
    scope: Scope,
    at_us: int,
) -> list[tuple[str, str]]:
    """Return the header lines to add: `x-amz-date`, the token if there is one, `authorization`.

    `path` and `query` are percent-encoded as they will be sent. `headers` are those
    whose change on the way would matter (content-type...); `host` is signed always.
    """
    stamp = datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    added = [("x-amz-date", stamp)]
    if credentials.session_token:
        added.append(("x-amz-security-token", credentials.session_token))
    names, lines = _canonical_headers([("host", host), *headers, *added])
    digest = sha256(body).hexdigest()
    canonical = "\n".join(
        (method, canonical_path(path), canonical_query(query), lines, names, digest)
    )
    place = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    to_sign = "\n".join((_ALGORITHM, stamp, place, sha256(canonical.encode()).hexdigest()))
    key = signing_key(credentials.secret_key, stamp[:8], scope)
    signature = hmac.new(key, to_sign.encode(), sha256).hexdigest()
    said = f"Credential={credentials.access_key}/{place}, SignedHeaders={names}, "
    return [*added, ("authorization", f"{_ALGORITHM} {said}Signature={signature}")]


def signing_key(secret_key: str, day: str, scope: Scope) -> bytes:
    """The key of one day (YYYYMMDD), region and service; the secret itself signs nothing else."""
    key = f"AWS4{secret_key}".encode()
    for word in (day, scope.region, scope.service, "aws4_request"):
        key = hmac.new(key, word.encode(), sha256).digest()
    return key


def canonical_path(path: str) -> str:
    """The path without `.`, `..` and empty steps, encoded once more."""
    steps: list[str] = []
    for step in path.split("/"):
        if step == "..":
            del steps[-1:]
        elif step not in ("", "."):
            steps.append(step)
    if not steps:
        return "/"
    end = "/" if path.endswith(("/", "/.", "/..")) else ""
    return quote("/" + "/".join(steps) + end, safe="/~")


def canonical_query(query: str) -> str:
    """The pairs in order of their encoded bytes; a name without a value gets an empty one."""
    if not query:
        return ""
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
    return "&".join(f"{name}={value}" for name, value in pairs)


def _canonical_headers(headers: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """(their names joined by `;`, their lines): lower case, sorted, blanks squeezed."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        name = name.strip().lower()
        if name not in _NOT_SIGNED:
            found.setdefault(name, []).append(" ".join(value.split()))
    ordered = sorted(found.items())
    lines = "".join(f"{name}:{','.join(values)}\n" for name, values in ordered)
    return ";".join(name for name, _ in ordered), lines
