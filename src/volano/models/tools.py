"""Tools: converters that cannot live beside volano, each in an environment of its own.

LiteRT's converter pins libraries that others here need newer; ExecuTorch brings what nothing
else uses. Such a tool is made on demand below `.volano/tools/NAME`: `python -m venv`,
then pip with pinned requirements. A marker is written last, so that a half-made one is made again.
"""

import fcntl
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from volano.core.errors import UnavailableError

READY = "volano-ready.json"
TIMEOUT_S = 3600
COMMON = ("torch==2.13.0", "transformers==5.23.0", "safetensors==0.8.0")


class ToolNotMadeError(UnavailableError):
    """The environment `{tool}` could not be made: {reason}."""

    hint = "It is made once with pip: connect this machine, free space, or set PIP_INDEX_URL to a mirror, and say it again."


class ToolFailedError(UnavailableError):
    """`{tool}` failed: {reason}."""

    hint = "Another form may do: `onnx` and `ct2` need no environment of their own."


@dataclass(frozen=True, slots=True)
class Tool:
    """An environment by name; `needs_bytes` of disk must be free before it is made."""

    name: str
    requirements: tuple[str, ...]
    needs_bytes: int = 4 << 30

    def ensure(self, root: Path) -> Path:
        """Return its Python, making the environment where it is missing or outdated.

        Raises:
            ToolNotMadeError: no space, no package index, or a package that does not install.
        """
        home = root / self.name
        python = home / "bin" / "python"
        root.mkdir(parents=True, exist_ok=True)
        with _alone(root / f"{self.name}.lock"):
            if not self._is_ready(home):
                self._make(home, python)
        return python

    def run(self, root: Path, script: Path, arguments: Sequence[str], *, given: str = "") -> str:
        """Run a script in the environment and return what it printed; `given` is its input.

        Raises:
            ToolNotMadeError: there is no environment, and none could be made.
            ToolFailedError: the script ended with an error.
        """
        python = self.ensure(root)
        done = subprocess.run(
            [str(python), "-I", str(script), *arguments],
            input=given,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            words = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            raise ToolFailedError(tool=self.name, reason=words[0])
        return done.stdout

    def _is_ready(self, home: Path) -> bool:
        try:
            kept = json.loads((home / READY).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(kept.get("requirements") == list(self.requirements))

    def _make(self, home: Path, python: Path) -> None:
        free = shutil.disk_usage(home.parent).free
        if free < self.needs_bytes:
            reason = f"{free >> 20} MiB of disk are free, {self.needs_bytes >> 20} are needed"
            raise ToolNotMadeError(tool=self.name, reason=reason)
        shutil.rmtree(home, ignore_errors=True)
        _say(f"Making the environment {self.name} in {home}; this is done once.")
        began = time.monotonic()
        self._step([sys.executable, "-m", "venv", str(home)])
        pip = [str(python), "-m", "pip", "install", "--no-input", "--quiet"]
        self._step([*pip, "--progress-bar", "off", *self.requirements])
        marker = {"requirements": list(self.requirements)}
        (home / READY).write_text(json.dumps(marker) + "\n", encoding="utf-8")
        _say(f"Made {self.name} in {time.monotonic() - began:.0f} s.")

    def _step(self, command: list[str]) -> None:
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolNotMadeError(tool=self.name, reason=str(error)) from error
        if done.returncode:
            words = [line for line in done.stderr.splitlines() if line.strip()][-1:]
            raise ToolNotMadeError(tool=self.name, reason="; ".join(words) or "pip failed")


LITERT = Tool("litert", (*COMMON, "litert-torch==0.10.0", "ai-edge-litert==2.3.0"))
EXECUTORCH = Tool("executorch", (*COMMON, "executorch==1.5.1"))
TOOLS = {tool.name: tool for tool in (LITERT, EXECUTORCH)}


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock: two runs may want the same tool at once."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
