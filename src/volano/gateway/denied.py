"""The no of a limit, and what callers are told of limits: OpenAI's `x-ratelimit-…` headers."""

import math

REQUESTS_A_MINUTE, TOKENS_A_MINUTE, CALLS_AT_ONCE = "rpm", "tpm", "concurrency"


class Denied:
    """A call that may not come in: whose limit, of what, and when to try again.

    `retry_after_s` is None when the call alone asks for more than the limit.
    """

    __slots__ = ("_reset_ns", "asked", "limit", "measure", "retry_after_s", "subject", "used")

    def __init__(
        self, subject: str, measure: str, *, limit: int, used: int, asked: int,
        retry_after_s: float | None, reset_ns: int,
    ):  # fmt: skip
        self.subject = subject
        self.measure = measure
        self.limit = limit
        self.used = used
        self.asked = asked
        self.retry_after_s = retry_after_s
        self._reset_ns = reset_ns

    @property
    def which(self) -> tuple[str, str]:
        """(subject, measure), such as ("group/acme", "tpm")."""
        return self.subject, self.measure

    def headers(self) -> bytes:
        """The header lines `x-ratelimit-…` and `retry-after`."""
        found = b""
        if self.measure != CALLS_AT_ONCE:
            what = b"requests" if self.measure == REQUESTS_A_MINUTE else b"tokens"
            found = lines(what, (self.limit, max(0, self.limit - self.used)), self._reset_ns)
        if self.retry_after_s is not None:
            ms = math.ceil(self.retry_after_s * 1000)
            found += b"retry-after: %d\r\nretry-after-ms: %d\r\n" % (-(-ms // 1000), ms)
        return found


def lines(what: bytes, room: tuple[int, int] | None, reset_ns: int) -> bytes:
    """The three header lines of requests or tokens, as OpenAI writes them; room is (limit, left)."""
    if room is None:
        return b""
    return (
        b"x-ratelimit-limit-%b: %d\r\nx-ratelimit-remaining-%b: %d\r\nx-ratelimit-reset-%b: %b\r\n"
    ) % (what, room[0], what, room[1], what, span(reset_ns))


def both(requests: tuple[int, int], tokens: tuple[int, int], reset_ns: int) -> bytes:
    """The six header lines, of requests and of tokens, as `lines` writes them."""
    reset = span(reset_ns)
    return (
        b"x-ratelimit-limit-requests: %d\r\nx-ratelimit-remaining-requests: %d\r\n"
        b"x-ratelimit-reset-requests: %b\r\nx-ratelimit-limit-tokens: %d\r\n"
        b"x-ratelimit-remaining-tokens: %d\r\nx-ratelimit-reset-tokens: %b\r\n"
    ) % (*requests, reset, *tokens, reset)


def span(ns: int) -> bytes:
    """A time span as OpenAI writes it: `120ms`, `8.64s`, `1m1.5s`; rounded up to milliseconds."""
    ms = max(0, -(-ns // 1_000_000))
    if ms < 1000:
        return b"%dms" % ms
    minutes, ms = divmod(ms, 60_000)
    seconds = b"%g" % (ms / 1000)
    return b"%dm%bs" % (minutes, seconds) if minutes else seconds + b"s"
