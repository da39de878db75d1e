"""Secret files: made once, 0600 in a 0700 folder, and not used when others could read them."""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from volano.access.errors import DamagedSecretError, ExposedSecretError, SecretFileError


def load_or_create(path: Path | str, make: Callable[[], bytes]) -> bytes:
    """Return the bytes of a secret file; where there is none, make it first.

    Two processes that come at once agree: the first to link its file wins.

    Raises:
        ExposedSecretError: others may read the file, or write to its folder.
        SecretFileError: it cannot be read or made.
    """
    path = Path(path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path, make())
        return _read(path)
    except OSError as error:
        raise SecretFileError(path=path, why=error.strerror or error) from error


def hmac_secret(path: Path | str) -> bytes:
    """Return the 32 bytes that keys' fingerprints are made under; make them the first time.

    Raises:
        ExposedSecretError, SecretFileError: as in `load_or_create`.
        DamagedSecretError: the file does not hold 32 bytes.
    """
    secret = load_or_create(path, lambda: os.urandom(32))
    if len(secret) != 32:
        raise DamagedSecretError(path=path, what="secret of 32 bytes")
    return secret


def _create(path: Path, data: bytes) -> None:
    """Write a temporary file, then link it: never half a secret, never over another's."""
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(temporary)
    finally:
        temporary.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> bytes:
    _refuse(path.parent, path.parent.stat().st_mode & 0o022, "700")
    with path.open("rb") as file:
        _refuse(path, os.fstat(file.fileno()).st_mode & 0o077, "600")
        return file.read()


def _refuse(path: Path, open_to_others: int, wanted: str) -> None:
    if open_to_others:
        mode = f"{stat.S_IMODE(path.stat().st_mode):04o}"
        raise ExposedSecretError(path=path, mode=mode, wanted=wanted)
