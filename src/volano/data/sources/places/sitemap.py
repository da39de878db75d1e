"""Sitemaps: the pages that a site lists of itself (sitemaps.org), also through an index of sitemaps.

{sitemap: "https://example.org/sitemap.xml", rate: 2/s, include: ["/faq/**"], most: 1000}
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import urlsplit
from xml.parsers import expat

from volano.data.sources import reasons
from volano.data.sources.fetch import Fetcher, FetchError
from volano.data.sources.pieces import columns_of
from volano.data.sources.places.web import KEYS, Web, checked, fetching_of
from volano.data.sources.reading import reading_of
from volano.data.sources.source import SOURCES, Around, Reject, Source, set_aside
from volano.data.sources.spec import check_keys, number, text, texts
from volano.data.sources.unpack import BrokenFileError, unpacked
from volano.data.sources.walk import compiled

_MOST = 50_000
_DEEPEST = 3
_CHUNK = 64 << 10
_LONGEST_URL = 2048


@dataclass(slots=True)
class Sitemap(Web):
    """The pages of a sitemap that lie on its host and fit the patterns."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    most: int = _MOST

    def listed(self, fetcher: Fetcher, reject: Reject) -> Iterable[str]:
        """Yield the pages' URLs, each once."""
        given: set[str] = set()
        host = urlsplit(self.filled(self.urls[0])).netloc
        for url in self._of_map(self.urls[0], fetcher, reject, _DEEPEST):
            path = urlsplit(url).path or "/"
            if url in given or not self._wanted(path):
                continue
            if urlsplit(url).netloc != host:
                set_aside(
                    reject,
                    {"source": self.told(url)},
                    reasons.OTHER_HOST,
                    f"the sitemap is of {host}",
                )
                continue
            given.add(url)
            yield url
            if len(given) >= self.most:
                return

    def _of_map(self, url: str, fetcher: Fetcher, reject: Reject, depth: int) -> Iterator[str]:
        below: list[str] = []
        try:
            with fetcher.get(self.filled(url)) as page:
                assert page.path is not None
                with unpacked(page.path, self.reading.limits) as stream:
                    for kind, found in locations(stream):
                        if kind == "url":
                            yield found
                        else:
                            below.append(found)
        except FetchError as error:
            set_aside(reject, {"source": self.told(url)}, error.reason, error.detail or None)
        except BrokenFileError as error:
            set_aside(reject, {"source": self.told(url)}, error.reason, error.detail)
        host = urlsplit(self.filled(self.urls[0])).netloc
        for one in below[:_MOST]:
            if depth <= 1:
                set_aside(
                    reject, {"source": self.told(one)}, reasons.TOO_DEEP, "sitemaps within sitemaps"
                )
            elif urlsplit(one).netloc != host:
                set_aside(
                    reject,
                    {"source": self.told(one)},
                    reasons.OTHER_HOST,
                    f"the sitemap is of {host}",
                )
            else:
                yield from self._of_map(one, fetcher, reject, depth - 1)

    def _wanted(self, path: str) -> bool:
        if any(compiled(one).fullmatch(path) for one in self.exclude):
            return False
        return not self.include or any(compiled(one).fullmatch(path) for one in self.include)


@dataclass(slots=True)
class _Reader:
    """Collects what stands in `loc`, and what it is the place of."""

    found: list[tuple[str, str]] = field(default_factory=list)
    _path: list[str] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)

    def begin(self, name: str, _: Mapping[str, str]) -> None:
        self._path.append(name.rpartition(" ")[2].rpartition(":")[2])
        self._text.clear()

    def end(self, _: str) -> None:
        name = self._path.pop()
        url = "".join(self._text).strip()
        if name == "loc" and self._path and url and len(url) <= _LONGEST_URL:
            self.found.append((self._path[-1], url))
        self._text.clear()

    def data(self, text_: str) -> None:
        if self._path and self._path[-1] == "loc" and len(self._text) < _LONGEST_URL:
            self._text.append(text_[:_LONGEST_URL])

    def doctype(self, *_: Any) -> None:
        raise BrokenFileError(reasons.BROKEN, "it has a document type, which no sitemap needs")


def locations(stream: BinaryIO) -> Iterator[tuple[str, str]]:
    """Yield `url` or `sitemap` with its place, as they come.

    Raises:
        BrokenFileError: it is no XML, or declares entities.
    """
    reader, parser = _Reader(), expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = reader.begin, reader.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = reader.data, reader.doctype
    while True:
        chunk = stream.read(_CHUNK)
        try:
            parser.Parse(chunk, not chunk)
        except expat.ExpatError as error:
            yield from reader.found
            raise BrokenFileError(reasons.BROKEN, f"it is no sitemap: {error}") from None
        yield from reader.found
        reader.found.clear()
        if not chunk:
            return


@SOURCES.register("sitemap")
def by_sitemap(spec: Mapping[str, Any], around: Around) -> Source:
    """Open the pages of a sitemap."""
    check_keys(spec, ("sitemap", "include", "exclude", "most", *KEYS), "a source of a sitemap")
    url = text(spec["sitemap"], "sitemap")
    include, exclude = (
        texts(spec[name], name) if name in spec else () for name in ("include", "exclude")
    )
    return Sitemap(
        (url,), reading_of(spec), columns_of(spec.get("columns", {})), around, fetching_of(spec), {url: checked(url)},
        most=number(spec.get("most", _MOST), "most"), include=include, exclude=exclude,
    )  # fmt: skip
