"""What HTTP/1.1 (RFC 9112) forbids and llhttp lets through."""

from volano.wire.request import Request

_ONCE_ONLY = frozenset(
    (b"host", b"authorization", b"content-type", b"origin", b"content-length", b"transfer-encoding")
)


def size_of_head(request: Request) -> int:
    """Bytes of a head, as far as it was read: target, names, values, and four more a line."""
    lines = sum(len(name) + len(value) + 4 for name, value in request.headers)
    return len(request.target) + lines


def offence(request: Request, version: str) -> tuple[int, str] | None:
    """What HTTP/1.1 (RFC 9112) forbids and llhttp lets through."""
    fields, headers = request.fields, request.headers
    ordinary = version == "1.1" and len(fields) == len(headers) and b"host" in fields
    if (
        ordinary
        and _is_path(request)
        and b"transfer-encoding" not in fields
        and request.method != b"CONNECT"
    ):
        return None
    if version not in ("1.1", "1.0"):
        return 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."
    if request.method == b"CONNECT":
        return 405, "CONNECT is not served here."
    coding = fields.get(b"transfer-encoding")
    if coding is not None and (not request.http11 or coding.lower() != b"chunked"):
        return 400, "The only transfer-encoding is chunked, in HTTP/1.1."
    if not _is_path(request):
        return 400, "The request's target must be a path, such as /v1/models, without a host."
    if request.http11 and b"host" not in fields:
        return 400, "The Host header is required."
    if len(fields) != len(headers):
        names = [name for name, _ in headers]
        for name in _ONCE_ONLY:
            if names.count(name) > 1:
                return 400, f"The header {name.decode()} was given more than once."
    return None


def _is_path(request: Request) -> bool:
    """Whether the target names no host of its own (RFC 9112 §3.2: proxies are asked so)."""
    target = request.target
    return target.startswith(b"/") or (target == b"*" and request.method == b"OPTIONS")
