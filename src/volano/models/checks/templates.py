"""Chat templates are programs: compiled and rendered once in a child that may take little.

The child has no environment, no open files, little memory and little time. A
template that reaches out of the sandbox, that never ends or that fills the
memory is refused; one that only does not like our three plain turns is not.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from volano.models.errors import RefusedFileError

MOST_BYTES = 256 << 10
MOST_TEMPLATES = 32
MEMORY_BYTES = 512 << 20
CPU_S = 3
_WALL_S = 60
MOST_CHARS = 100_000
_CHILD = Path(__file__).with_name("rendering.py")
WAY = "Take the template out, or write one that `apply_chat_template` renders quickly."


def check_templates(templates: Mapping[str, str], file: str) -> tuple[str, ...]:
    """Try templates by name; return notes on those that fail on plain turns.

    Raises:
        RefusedFileError: one is too large, is none, or takes more than it may.
    """
    if not templates:
        return ()
    if len(templates) > MOST_TEMPLATES:
        reason = f"it has {len(templates)} chat templates"
        raise RefusedFileError(file=file, reason=reason, way=WAY)
    for name, text in templates.items():
        if len(text.encode(errors="replace")) > MOST_BYTES:
            reason = f"its chat template `{name[:40]}` has more than {MOST_BYTES} bytes"
            raise RefusedFileError(file=file, reason=reason, way=WAY)
    found, ended = _tried(templates)
    notes = []
    for name in templates:
        said = found.get(name, {"refused": ended})
        if "refused" in said:
            reason = f"its chat template `{name[:40]}` is not taken: {said['refused']}"
            raise RefusedFileError(file=file, reason=reason, way=WAY)
        if "note" in said:
            notes.append(f"The chat template `{name[:40]}` of {file} {said['note']}")
    return tuple(notes)


def _tried(templates: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """Return what the child says of each, and how it ended where it says nothing."""
    given = {
        "templates": dict(templates), "memory_bytes": MEMORY_BYTES, "cpu_s": CPU_S,
        "chars": MOST_CHARS,
    }  # fmt: skip
    ended = f"it takes more than {CPU_S} s or {MEMORY_BYTES >> 20} MiB"
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_CHILD)],
            input=json.dumps(given), capture_output=True, text=True, timeout=_WALL_S,
            env={"PYTHONMALLOC": "malloc"}, cwd="/", check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {}, ended
    found: dict[str, Any] = {}
    for line in done.stdout.splitlines():
        found |= json.loads(line)
    return found, ended
