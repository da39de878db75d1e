"""URLs: each is asked for once, and again only what changed.

{url: "https://example.org/faq.html"}
{url: [..], rate: 2/s, allow_private: true, columns: {text: text}}
{url: "https://example.org/rows.jsonl?key=${FEED_KEY}"}

A key comes from the environment where the recipe runs; neither rows nor state hold it.
Only what the spec says is filled: an address that a server gives must not ask for variables.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from volano.data.sources import reasons
from volano.data.sources.address import page as page_told
from volano.data.sources.address import without
from volano.data.sources.answers import Answer, Answers
from volano.data.sources.fetch import Fetcher, FetchError, Page, seconds_between
from volano.data.sources.piece import Piece
from volano.data.sources.pieces import Columns, columns_of, read_pieces
from volano.data.sources.reading import (
    AUTO,
    READING_KEYS,
    Reading,
    format_of,
    format_of_media,
    reading_of,
)
from volano.data.sources.secret import VARIABLE, filled, values
from volano.data.sources.source import SOURCES, Around, Reject, Source, set_aside
from volano.data.sources.spec import bad, check_keys, flag, texts
from volano.data.step import Record

KEYS = ("allow_private", "columns", "rate", "robots", *READING_KEYS)


@dataclass(slots=True)
class Web:
    """Pages by their URLs.

    The state tells for each URL what its server said. A run that was broken off goes
    on with the URLs that it has not read; a later one asks whether the others changed.
    Without a state all rows are given, those of pages that have not changed from the
    answers that were kept, if there is a place to keep them in.
    """

    urls: tuple[str, ...]
    reading: Reading
    columns: Columns
    around: Around
    fetching: Mapping[str, Any]
    asked: Mapping[str, str] = field(default_factory=dict)
    """What to ask for a URL of the spec, where that has variables."""
    _known: dict[str, Mapping[str, str]] = field(default_factory=dict, init=False)
    _complete: bool = field(default=False, init=False)
    _answers: Answers | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._known = dict(self._before)

    @property
    def _before(self) -> Mapping[str, Mapping[str, str]]:
        found: Mapping[str, Mapping[str, str]] = (self.around.since or {}).get("urls", {})
        return found

    def keep_in(self, folder: Path) -> None:
        """Keep answers in this folder of a cache. With a state nothing is asked for twice anyway."""
        if self.around.since is None:
            self._answers = Answers(folder)

    def rows(self, reject: Reject) -> Iterator[Record]:
        """Yield the rows of one URL after the other; one that gives nothing is set aside."""
        self._complete = False
        resumed = not (self.around.since or {}).get("complete", True)
        fetcher = self.fetcher()
        try:
            for url in self.listed(fetcher, reject):
                if not (resumed and url in self._before):
                    yield from self._of_url(url, fetcher, reject)
            self._complete = True
        finally:
            fetcher.close()

    def listed(self, fetcher: Fetcher, reject: Reject) -> Iterable[str]:  # noqa: ARG002 - a sitemap's needs them
        """Return the URLs to read."""
        return self.urls

    def fingerprint(self) -> str:
        """Return the moment: only asking tells whether a page changed, and that is to read it."""
        return f"at {self.around.now_us()}"

    def state(self) -> Mapping[str, Any]:
        """Return what each URL's server said, and whether all were asked."""
        return {"urls": dict(self._known), "complete": self._complete}

    def fetcher(self) -> Fetcher:
        """Return what asks the servers."""
        return Fetcher(self.reading.limits, sleep=self.around.sleep, **self.fetching)

    def filled(self, url: str) -> str:
        """Return what to ask for a URL: with its key, where the spec has it from the environment."""
        return self.asked.get(url, url)

    def told(self, url: str) -> str:
        """Return what rows say of a URL of the spec or of a sitemap: a variable by its name."""
        if VARIABLE.fullmatch(url.strip()):
            return url.strip()
        return page_told(url if url in self.asked else without(self._values, url))

    def _moved(self, asked: str, url: str) -> str:
        """Return what rows say of where a URL led to, of which any part may be a variable's."""
        if VARIABLE.fullmatch(asked.strip()):
            parts = urlsplit(url)
            return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/"
        return page_told(without(self._values, url))

    @property
    def _values(self) -> Mapping[str, str]:
        return {name: value for url in self.asked for name, value in values(url).items()}

    def _of_url(self, url: str, fetcher: Fetcher, reject: Reject) -> Iterator[Record]:
        try:
            before = self._before.get(url, {})
            kept = self._kept(url)
            known = kept.page.told() if kept else before
            with fetcher.get(self.filled(url), known) as given:
                page = replace(given, url=self._moved(url, given.url))  # a key is kept nowhere
                if page.path is None and kept is None:
                    return
                answer = self._answer(url, page, kept)
                if answer.page.sha256 != before.get("sha256"):
                    yield from self._of_page(url, _name(given.url), answer, reject)
                self._known[url] = answer.page.told()
        except FetchError as error:
            set_aside(reject, {"source": self.told(url)}, error.reason, error.detail or None)

    def _kept(self, url: str) -> Answer | None:
        """Return what was kept of a URL; what may be told of where it led to may be less than it was."""
        kept = self._answers.kept(url) if self._answers else None
        if self._answers is None or kept is None:
            return kept
        page = replace(kept.page, url=self._moved(url, kept.page.url))
        if page != kept.page:
            self._answers.keep(url, page, kept.fetched)
        return Answer(page, kept.fetched)

    def _answer(self, url: str, page: Page, kept: Answer | None) -> Answer:
        """Return what was kept where it is the same, so that its rows are the same too; else keep it."""
        if kept is not None and (
            page.path is None or replace(page, path=None) == replace(kept.page, path=None)
        ):
            return kept
        now = datetime.fromtimestamp(self.around.now_us() // 1_000_000, UTC).isoformat()
        if self._answers is not None:
            self._answers.keep(url, page, now)
        return Answer(page, now)

    def _of_page(self, url: str, name: str, answer: Answer, reject: Reject) -> Iterator[Record]:
        page = answer.page
        assert page.path is not None
        origin = {"source": self.told(url), **page.told(), "fetched": answer.fetched}
        if page.url != self._moved(url, self.filled(url)):
            origin["redirected"] = page.url
        reading = self.reading
        if reading.format == AUTO:
            found = self._format(page, name)
            if found is None:
                set_aside(reject, origin, reasons.UNKNOWN, page.media_type or "no content-type")
                return
            reading = replace(reading, format=found)
        piece = Piece(page.path, name, origin, page.charset)
        yield from read_pieces([piece], reading, self.columns, reject)

    def _format(self, page: Page, name: str) -> str | None:
        """Return the format: what the server says, but the name where that says more."""
        by_name = format_of(name)
        if page.media_type in ("", "text/plain", "application/octet-stream", "application/gzip"):
            return by_name or format_of_media(page.media_type)
        return format_of_media(page.media_type) or by_name


@SOURCES.register("url")
def by_url(spec: Mapping[str, Any], around: Around) -> Source:
    """Open one URL or several."""
    check_keys(spec, ("url", *KEYS), "a source of URLs")
    urls = texts(spec["url"], "url")
    return Web(
        urls, reading_of(spec), columns_of(spec.get("columns", {})), around, fetching_of(spec),
        {url: checked(url) for url in urls},
    )  # fmt: skip


def fetching_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return how servers are asked. Raises: BadSourceError: a setting that cannot be."""
    return {
        "each_s": seconds_between(spec.get("rate", "1/s")),
        "allow_private": flag(spec.get("allow_private", False), "allow_private"),
        "robots": flag(spec.get("robots", True), "robots"),
    }


def checked(url: str) -> str:
    """Return a URL of a spec with its variables filled.

    Raises:
        BadSourceError: no http URL, or one that holds a password, or a variable that is not set.
    """
    url = filled(url.strip() if VARIABLE.fullmatch(url.strip()) else url)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise bad("a `url` begins with http:// or https:// and names a host")
    if parts.username or parts.password:
        raise bad(
            "a `url` holds no user and no password: rows would carry them about",
            hint="Where the server takes a key, write `?key=${NAME}`; else fetch it, and name the file.",
        )
    return url


def _name(url: str) -> str:
    return PurePosixPath(urlsplit(url).path).name or "index"
