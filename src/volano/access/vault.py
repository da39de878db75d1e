"""The vault: providers' keys that are not in the environment, in one file for the owner alone.

It is JSON, 0600 in a 0700 folder: a name has a list of texts. The catalog, the
ledger, logs and doors never see a text; whoever may read this file has the keys.
One process writes it at a time: the one that holds the folder.
"""

import json
import os
from pathlib import Path

from volano.access.errors import DamagedSecretError, SecretFileError
from volano.access.secret import load_or_create

Texts = tuple[str, ...]


class Vault:
    """A file of secrets by name. Nothing is made before the first is put in."""

    def __init__(self, path: Path):
        self._path = path

    def get(self, name: str) -> Texts:
        """Return the texts under a name, in the order they were put in; none when there are none.

        Raises:
            ExposedSecretError: others may read the file, or write to its folder.
            DamagedSecretError, SecretFileError: it cannot be read.
        """
        return self._read().get(name, ())

    def put(self, name: str, text: str, *, alone: bool = False) -> int:
        """Add a text under a name, `alone` in place of those there; return how many it has now.

        Raises:
            ExposedSecretError, DamagedSecretError, SecretFileError: as in `get`.
        """
        kept = self._read()
        before = () if alone else kept.get(name, ())
        kept[name] = tuple(dict.fromkeys((*before, text)))
        self._write(kept)
        return len(kept[name])

    def remove(self, name: str) -> int:
        """Forget all texts under a name; return how many there were.

        Raises:
            ExposedSecretError, DamagedSecretError, SecretFileError: as in `get`.
        """
        kept = self._read()
        gone = kept.pop(name, ())
        if gone:
            self._write(kept)
        return len(gone)

    def _read(self) -> dict[str, Texts]:
        if not self._path.exists():
            return {}
        raw = load_or_create(self._path, lambda: b"{}")
        try:
            return {name: tuple(map(str, texts)) for name, texts in json.loads(raw).items()}
        except (ValueError, AttributeError, TypeError):
            raise DamagedSecretError(path=self._path, what="vault of keys") from None

    def _write(self, kept: dict[str, Texts]) -> None:
        """Write beside, then rename: never half a vault, never readable by others."""
        load_or_create(self._path, lambda: b"{}")
        beside = self._path.with_name(f".{self._path.name}.{os.urandom(6).hex()}")
        try:
            fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(json.dumps(kept, ensure_ascii=False).encode())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise SecretFileError(path=self._path, why=error.strerror or error) from error
