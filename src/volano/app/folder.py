"""Makes the state folder, for its owner alone."""

import hashlib
import os
import tempfile
from pathlib import Path

from volano.core.errors import UnavailableError
from volano.settings import Settings

PARTS = ("records", "spool", "blobs", "cache", "jobs", "keys", "logs")
SOCKET_MAX = 107
"""Bytes that a Unix socket's path can have (sun_path)."""


class NoFolderError(UnavailableError):
    """The state folder {folder} cannot be made: {why}."""

    hint = "Choose a folder you can write to with --home."


def make(settings: Settings) -> None:
    """Make `.volano/` and its parts, 0700; harmless when they are there."""
    try:
        settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.folder.chmod(0o700)
        for part in PARTS:
            settings.path(part).mkdir(mode=0o700, exist_ok=True)
        _make_run(settings.path("run"))
    except OSError as error:
        raise NoFolderError(folder=settings.folder, why=error.strerror) from error


def forget_secrets(settings: Settings) -> None:
    """Remove what was written for workers that no longer run: it holds providers' keys.

    Only for who holds the folder lock. The next start writes it anew.
    """
    for name in ("snapshot.json", "snapshot.json.new"):
        settings.path("run", name).unlink(missing_ok=True)


def _make_run(run: Path) -> None:
    """Sockets need short paths: in a deep folder `run` is a link to a private short one.

    A folder that was moved or copied gets a place of its own: two workspaces
    must never meet in one folder of sockets.
    """
    longest = len(os.fsencode(run)) + len("/engine-0123456789ab.sock")
    if longest <= SOCKET_MAX:
        if run.is_symlink():
            run.unlink()
        run.mkdir(mode=0o700, exist_ok=True)
        return
    name = f"volano-{os.getuid()}-{hashlib.sha256(os.fsencode(run)).hexdigest()[:16]}"
    if run.is_symlink() and run.readlink().name == name and run.exists():
        _make_private(run.readlink())
        return
    short = Path(tempfile.gettempdir()) / name
    short.mkdir(mode=0o700, exist_ok=True)
    _make_private(short)
    if run.is_symlink():
        run.unlink()
    elif run.exists():
        run.rename(run.with_name(f"run.{os.urandom(4).hex()}"))
    run.symlink_to(short)


def _make_private(short: Path) -> None:
    if short.is_symlink() or short.stat().st_uid != os.getuid():
        raise PermissionError(1, f"{short} belongs to somebody else")
    short.chmod(0o700)
