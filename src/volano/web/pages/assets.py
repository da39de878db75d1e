"""Static files, named with a hash of their content, so that browsers keep them and never stale."""

import hashlib
from functools import lru_cache
from pathlib import Path

from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent.parent / "static"


def static_route() -> Mount:
    """Return the mount that serves `/static/`; it needs no session."""
    return Mount("/static", StaticFiles(directory=STATIC, follow_symlink=False), name="static")


@lru_cache(maxsize=64)
def url(name: str) -> str | None:
    """Return the address of a static file, or None where it is not there (not vendored)."""
    path = STATIC / name
    if not path.is_file():
        return None
    return f"/static/{name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:10]}"
