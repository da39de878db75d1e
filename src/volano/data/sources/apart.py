"""Apart: the process that reads HTML, PDF and DOCX, kept for the next file while it lives."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from volano.data.errors import MissingExtraError
from volano.data.sources import documents, reasons
from volano.data.sources.limits import Limits
from volano.data.sources.unpack import BrokenFileError

_SCRIPT = Path(documents.__file__)


class Apart:
    """Asks the process for the rows of one file after the other; starts it when first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Apart":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def read(
        self, kind: str, path: Path, limits: Limits, **settings: Any
    ) -> Iterator[Mapping[str, Any]]:
        """Yield what the process tells of a file: `row` with `where`, or `aside`.

        Raises:
            BrokenFileError: the process ended over it: out of memory or time, or a crash.
            MissingExtraError: the package that reads such files is not installed.
        """
        asked = {
            "kind": kind, "path": str(path), "document": limits.document,
            "memory": limits.memory, "seconds": limits.seconds, **settings,
        }  # fmt: skip
        complete = False
        try:
            for told in self._told(asked):
                if "missing" in told:
                    raise MissingExtraError(
                        what=kind.upper(), package=told["missing"], extra="data"
                    )
                yield told
            complete = True
        finally:
            if not complete:  # what it would still say belongs to no question
                self.close()

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.communicate()

    def _told(self, asked: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(asked).encode() + b"\n")
            process.stdin.flush()
        except OSError as error:
            raise BrokenFileError(reasons.GAVE_UP, str(error)) from None
        while line := process.stdout.readline():
            if not line.endswith(b"\n"):
                break
            told = json.loads(line)
            if "end" in told:
                return
            yield told
        code = process.wait()
        raise BrokenFileError(reasons.GAVE_UP, _why(code, asked))

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(_SCRIPT)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        return self._process


def _why(code: int, asked: Mapping[str, Any]) -> str:
    if code == -27:  # SIGPROF
        return f"more than {asked['seconds']} s of processor time"
    return f"its reader ended with {code}: out of {asked['memory']} bytes of memory, or broken"
