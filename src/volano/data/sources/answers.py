"""Answers of servers, kept: what has not changed since is read from here, not sent again.

    answers/ab/ab12….json        what a server said of a URL: ETag, type, when it was fetched
    answers/ab/ab12….<sha>.body  the body as it came

The body is written first, so whoever is killed between the two leaves a file that no
answer names; the cache sweeps it. A body that is not what was fetched counts as none.
"""

import hashlib
import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from volano.data.sources.fetch import Page
from volano.data.sources.pieces import digest
from volano.store import pack


@dataclass(frozen=True, slots=True)
class Answer:
    """A page whose body lies here, and when it was fetched."""

    page: Page
    fetched: str


class Answers:
    """One folder. Several processes may use it at once."""

    def __init__(self, folder: Path):
        self._folder = folder

    def kept(self, url: str) -> Answer | None:
        """Return what a URL gave last, and note that it was used; None where nothing whole is kept."""
        path = self._path(url)
        try:
            told = json.loads(path.read_bytes())
            body = path.with_name(told["body"])
            page = Page(**{**told["page"], "path": body})
            if told["url"] != url or digest(body) != page.sha256:
                return None
            found = Answer(page, str(told["fetched"]))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        with suppress(OSError):
            os.utime(path)
        return found

    def keep(self, url: str, page: Page, fetched: str) -> None:
        """Keep what a URL gave.

        Raises:
            DiskFullError: no room.
        """
        assert page.path is not None, "only what was sent can be kept"
        path = self._path(url)
        body = path.with_name(f"{path.stem}.{page.sha256}.body")
        with page.path.open("rb") as given, pack.new_file(body) as file:
            shutil.copyfileobj(given, file)
        told = {"url": url, "body": body.name, "page": {**asdict(page), "path": None},
                "fetched": fetched}  # fmt: skip
        with pack.new_file(path) as file:
            file.write(json.dumps(told, ensure_ascii=False).encode())

    def _path(self, url: str) -> Path:
        name = hashlib.sha256(url.encode()).hexdigest()
        return self._folder / name[:2] / f"{name}.json"
