"""Watch over sealed files: what is damaged is put aside and told of; what is restored serves again.

All sizes are looked at now and then, and the bytes of one file after another, slowly. A damaged
file goes to `records/aside`, so that no answer is taken from it; its line in the manifest says why.
When the file lies at its place again, as it was, the line says nothing any more.
"""

import logging
import sqlite3

from volano.traces.hot import HotStore, reading
from volano.traces.sealed import manifest
from volano.traces.sealed.health import trouble_with
from volano.traces.sealed.manifest import SealedFile

log = logging.getLogger(__name__)


class Watch:
    """Looks at files. `step` reads one of them whole, the next at the next step."""

    def __init__(self, hot: HotStore):
        self._hot = hot
        self._folder, self._aside = manifest.folder_of(hot.path), manifest.aside_of(hot.path)
        self._last = ""

    def step(self) -> None:
        """Look at the sizes of all files, and at all bytes of one.

        Raises:
            sqlite3.Error, OSError: it could not be noted; call again.
        """
        with reading(self._hot.path) as conn:
            files = () if conn is None else manifest.load(conn)
        sound = sorted((file for file in files if not file.why), key=lambda file: file.path)
        one = next((file for file in sound if file.path > self._last), None)
        self._last = one.path if one else ""
        for file in files:
            why = trouble_with(self._folder, file, whole=bool(file.why) or file is one)
            if bool(why) != bool(file.why):
                self._note(file, why)

    def _note(self, file: SealedFile, why: str) -> None:
        if why:
            self._put_aside(file)
        try:
            with self._hot.transaction() as conn:
                manifest.tell(conn, file, why)
        except sqlite3.Error:
            log.exception("what is wrong with %s could not be noted", file.path)
            raise
        if why:
            log.error(
                "The sealed file %s is damaged: %s. Its %d %s are missing in all answers. What there is of it "
                "lies in %s; restore the file from a backup to its place and it serves again.",
                self._folder / file.path, why, file.rows, file.table, self._aside,
            )  # fmt: skip
        else:
            log.warning("The sealed file %s is sound again.", self._folder / file.path)

    def _put_aside(self, file: SealedFile) -> None:
        path = self._folder / file.path
        if path.exists():
            self._aside.mkdir(mode=0o700, exist_ok=True)
            path.replace(self._aside / path.name)
