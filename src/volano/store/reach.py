"""Reach: all blobs that an artifact stands on, also those that only its files name.

The store does not know what is in a file. Where the end of a file's path is
one that it was told of (`core.ports.follow`), the file is read, and what it
names belongs to the artifact too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from volano.core.manifest import File
from volano.core.ports.follow import Follow
from volano.store.blobs import Blobs


class Reach:
    """Follows files to further blobs. `follow` is by the end of a file's path, such as `.rows`."""

    def __init__(self, blobs: Blobs, follow: Mapping[str, Follow]):
        self._blobs = blobs
        self._follow = dict(follow)

    def whole(self, files: Mapping[str, File], seen: set[str] | None = None) -> Iterator[str]:
        """Yield the digests of these files and of all that they name.

        What is below a page in `seen` is left out, and pages are added to it.
        Each page is read once its own digest was yielded.

        Raises:
            MissingBlobError, CorruptBlobError, IntegrityError: a page cannot be read.
        """
        seen = set() if seen is None else seen
        for path, file in files.items():
            yield str(file.digest)
            read = self._reads(path)
            if read is not None and file.digest not in seen:
                yield from self._below([str(file.digest)], read, seen)

    def _reads(self, path: str) -> Follow | None:
        return next((read for end, read in self._follow.items() if path.endswith(end)), None)

    def _below(self, pages: list[str], read: Follow, seen: set[str]) -> Iterator[str]:
        while pages:
            deeper: list[str] = []
            for page, data in zip(pages, self._blobs.read_many(pages), strict=True):
                named = read(data)
                seen.add(page)
                yield from named.ends
                yield from named.pages
                deeper += [one for one in dict.fromkeys(named.pages) if one not in seen]
            pages = deeper


def first_bytes(digest: Any) -> int:
    """Return the first 64 bits of a digest, as a number: enough to know it by among billions."""
    return int(str(digest)[7:23], 16)
