"""Fetching: one URL becomes a file on the disk, politely and within limits.

Each question keeps to robots.txt and to the rate of its host; redirects are
followed a few steps, each looked at like the first; what was read before is
only asked for again if it changed (ETag, Last-Modified). Bodies are kept as
they come over the wire, and unpacked like any other file.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from volano.core.lazy import lazy
from volano.core.retry_after import seconds
from volano.data.sources import reasons
from volano.data.sources.guard import RefusedAddressError, Resolve, address_of, resolved
from volano.data.sources.limits import Limits
from volano.data.sources.patience import Patience
from volano.data.sources.robots import AGENT, LONGEST, Rules, rules
from volano.data.sources.spec import bad, text

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = lazy("httpx2")

_REDIRECTS = 5
_TRIES = 3
_LONGEST_WAIT_S = 120.0
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*/\s*(s|m|h)")
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0}
_PATIENCE_S, _SLOWEST = 60.0, 1000
"""A server that gives fewer bytes a second for so long would hold us up for ever.

So long it may also take at most with an answer's head, with the whole of robots.txt, and
between two pieces of a body.
"""
_AGAIN = (429, 502, 503, 504)


class FetchError(Exception):
    """A URL gives nothing; `reason` is one of few."""

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Page:
    """What a server gave: a file, and what it said of it. `path` lacks where nothing changed."""

    url: str
    path: Path | None
    media_type: str = ""
    charset: str | None = None
    etag: str = ""
    last_modified: str = ""
    sha256: str = ""

    def told(self) -> dict[str, str]:
        """Return what is needed to ask again, and what an origin says."""
        named = {"etag": self.etag, "last_modified": self.last_modified, "sha256": self.sha256}
        return {name: value for name, value in named.items() if value}


@dataclass(slots=True)
class Fetcher:
    """Asks servers. One client for all questions of a source."""

    limits: Limits
    each_s: float = 1.0
    """Seconds between two questions to one host; a host may ask for more."""
    allow_private: bool = False
    robots: bool = True
    sleep: Callable[[float], None] = time.sleep
    now_s: Callable[[], float] = time.monotonic
    resolve: Resolve = resolved
    patience_s: float = _PATIENCE_S
    _client: httpx2.Client = field(init=False)
    _rules: dict[str, Rules] = field(default_factory=dict)
    _next_s: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(30.0, connect=10.0), trust_env=False, follow_redirects=False,
            # A connection is known by its address, a certificate holds for a name: none is shared.
            limits=httpx2.Limits(max_keepalive_connections=0),
            headers={"user-agent": f"{AGENT} (dataset collector)", "accept-encoding": "gzip"},
        )  # fmt: skip

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    @contextmanager
    def get(self, url: str, known: Mapping[str, str] | None = None) -> Iterator[Page]:
        """Give what a URL holds, as a file that lives as long as the context.

        Raises:
            FetchError: it may not be asked, does not answer, or is too large.
        """
        with tempfile.NamedTemporaryFile(prefix="volano-") as file:
            yield self._get(url, known or {}, file)  # type: ignore[arg-type]

    def _get(self, url: str, known: Mapping[str, str], file: BinaryIO) -> Page:
        lines = {}
        if known.get("etag"):
            lines["if-none-match"] = known["etag"]
        if known.get("last_modified"):
            lines["if-modified-since"] = known["last_modified"]
        for _ in range(_REDIRECTS + 1):
            self._may(url)
            page, onward = self._politely(url, lines, file)
            if page is not None:
                return page
            url = onward
        raise FetchError(reasons.FETCH, f"more than {_REDIRECTS} redirects")

    def _politely(
        self, url: str, lines: Mapping[str, str], file: BinaryIO
    ) -> tuple[Page | None, str]:
        """Ask in turn, and again where the server says that it is busy."""
        for turn in range(1, _TRIES + 1):
            self._wait(url)
            with self._asked(url, lines) as (answer, patience):
                if answer.status_code not in _AGAIN or turn == _TRIES:
                    return self._taken(url, answer, file, patience)
                wait = _retry_after(answer.headers.get("retry-after", ""), turn)
            self.sleep(wait)
        raise AssertionError("the last turn returns")

    def _taken(
        self, url: str, answer: httpx2.Response, file: BinaryIO, patience: Patience
    ) -> tuple[Page | None, str]:
        headers = answer.headers
        if answer.status_code in (301, 302, 303, 307, 308) and "location" in headers:
            try:
                return None, str(httpx2.URL(url).join(headers["location"]))
            except httpx2.InvalidURL as error:
                raise FetchError(reasons.FETCH, f"it redirects to nowhere: {error}") from None
        if answer.status_code == 304:
            return Page(url, None), ""
        if answer.status_code != 200:
            raise FetchError(reasons.FETCH, f"status {answer.status_code}")
        packed = headers.get("content-encoding", "identity").lower()
        if packed not in ("identity", "gzip", "x-gzip", "zstd", ""):
            raise FetchError(reasons.FETCH, f"content-encoding {packed[:40]}")
        sha256 = self._saved(answer, file, patience)
        media, _, rest = headers.get("content-type", "").partition(";")
        charset = re.search(r"charset\s*=\s*\"?([\w.:-]{1,40})", rest, re.IGNORECASE)
        return Page(
            url, Path(file.name), media.strip().lower(), charset[1] if charset else None,
            headers.get("etag", "")[:200], headers.get("last-modified", "")[:60], sha256,
        ), ""  # fmt: skip

    def _saved(self, answer: httpx2.Response, file: BinaryIO, patience: Patience) -> str:
        size, told, began = 0, hashlib.sha256(), self.now_s()
        file.seek(0)
        file.truncate()
        try:
            for chunk in answer.iter_raw():
                patience.renew()
                size += len(chunk)
                if size > self.limits.download:
                    raise FetchError(reasons.TOO_LARGE, f"more than {self.limits.download} bytes")
                took = self.now_s() - began
                if took > self.patience_s and size < took * _SLOWEST:
                    raise FetchError(reasons.FETCH, f"{size} bytes in {took:.0f} seconds")
                told.update(chunk)
                file.write(chunk)
        except httpx2.HTTPError as error:
            raise FetchError(reasons.FETCH, self._why(error, patience)) from None
        if patience.out:  # cut off, a body without a length looks like one that has ended
            raise FetchError(reasons.FETCH, self._dripping())
        file.flush()
        return told.hexdigest()

    @contextmanager
    def _asked(
        self, url: str, lines: Mapping[str, str]
    ) -> Iterator[tuple[httpx2.Response, Patience]]:
        """Send the question to the address that was looked at, by the name that was given."""
        with Patience(self.patience_s) as patience:
            answer = self._sent(url, lines, patience)
            patience.renew()
            try:
                yield answer, patience
            finally:
                answer.close()

    def _sent(self, url: str, lines: Mapping[str, str], patience: Patience) -> httpx2.Response:
        try:
            where = httpx2.URL(url)
            address = address_of(where, allow_private=self.allow_private, resolve=self.resolve)
            request = self._client.build_request(
                "GET", where.copy_with(host=address),
                headers={**lines, "host": where.netloc.decode("ascii")},
                extensions={"sni_hostname": where.raw_host.decode("ascii"), "trace": patience},
            )  # fmt: skip
            return self._client.send(request, stream=True)
        except RefusedAddressError as error:
            raise FetchError(reasons.PRIVATE, str(error)) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            raise FetchError(reasons.FETCH, self._why(error, patience)) from None

    def _why(self, error: Exception, patience: Patience) -> str:
        return self._dripping() if patience.out else _said(error)

    def _dripping(self) -> str:
        return f"it gave too little in {self.patience_s:g} seconds"

    def _may(self, url: str) -> None:
        if self.robots and not self._rules_of(url).allows(url):
            raise FetchError(reasons.FORBIDDEN, "")

    def _rules_of(self, url: str) -> Rules:
        where = _origin(url)
        if where not in self._rules:
            self._rules[where] = self._read_rules(f"{where}/robots.txt")
        return self._rules[where]

    def _read_rules(self, url: str) -> Rules:
        status: int | None = None
        body = b""
        for _ in range(_REDIRECTS + 1):
            self._wait(url)
            with self._asked(url, {"accept-encoding": "identity"}) as (answer, patience):
                status = answer.status_code
                if 300 <= status < 400 and "location" in answer.headers:
                    url = str(httpx2.URL(url).join(answer.headers["location"]))
                    continue
                try:
                    for chunk in answer.iter_raw() if status == 200 else ():
                        body += chunk
                        if len(body) > LONGEST:
                            break
                except httpx2.HTTPError:
                    status = None
                status = None if patience.out else status
                break
        return rules(status, body[:LONGEST].decode(errors="replace"))

    def _wait(self, url: str) -> None:
        """Wait for this host's turn."""
        where = _origin(url)
        known = self._rules.get(where)
        each = max(self.each_s, min(known.delay_s, _LONGEST_WAIT_S) if known else 0.0)
        now = self.now_s()
        at = max(now, self._next_s.get(where, now))
        self._next_s[where] = at + each
        if at > now:
            self.sleep(at - now)


def seconds_between(rate: Any) -> float:
    """Return the seconds between two questions of a rate such as `2/s` or `30/m`.

    Raises:
        BadSourceError: written otherwise, or none at all.
    """
    found = _RATE.fullmatch(text(rate, "rate").strip())
    if found is None or float(found[1]) <= 0:
        raise bad("`rate` is a number by s, m or h, such as 2/s or 30/m")
    return _UNIT_S[found[2]] / float(found[1])


def _origin(url: str) -> str:
    try:
        where = httpx2.URL(url)
        return f"{where.scheme}://{where.netloc.decode('ascii')}"
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise FetchError(reasons.FETCH, f"no URL: {error}"[:200]) from None


def _retry_after(said: str, turn: int) -> float:
    asked = seconds(said)
    return min(2.0**turn if asked is None else asked, _LONGEST_WAIT_S)


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]
