"""The certificate of our own port, read again when its files change.

A new certificate is tried in a context of its own; only one that is whole
replaces the old, for connections made from then on. Those that are open keep
what they began with. The context that the server listens with never changes: it
asks for the current one when a handshake begins (the callback for server names,
which OpenSSL calls also where a client names none).
"""

import logging
import ssl
from pathlib import Path
from typing import Any

from volano.core.errors import InvalidError

MINIMUM = ssl.TLSVersion.TLSv1_2
HANDSHAKE_S = 10.0
"""How long a client may take to agree on a cipher."""

_log = logging.getLogger("volano.wire")


class BadCertificateError(InvalidError):
    """The certificate `{certificate}` with the key `{key}` cannot be used: {why}."""

    hint = "Give PEM files that belong together, the key without a passphrase: `tls_certificate`, `tls_key`."


class Certificate:
    """A certificate chain and its private key, each a PEM file."""

    def __init__(self, certificate: Path, key: Path):
        """Read both.

        Raises:
            BadCertificateError: they are missing, broken, or do not belong together.
        """
        self._files = (certificate, key)
        self._seen = self._stamps()
        self._current = _context(certificate, key)
        self.context = _context(certificate, key)
        """What to listen with."""
        self.context.sni_callback = self._choose

    def look(self) -> bool:
        """Take the files as they are now, if they changed. Returns whether there is a new certificate.

        What cannot be used is logged once and not taken: the old one stays.
        """
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        self._seen = stamps
        try:
            self._current = _context(*self._files)
        except BadCertificateError as error:
            _log.error("%s The old certificate stays in use. %s", error, error.advice)
            return False
        _log.warning("the certificate %s was renewed and is in use now", self._files[0])
        return True

    def _choose(self, connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current

    def _stamps(self) -> list[tuple[int, int, int] | None]:
        """What a file that was written or replaced does not keep."""
        return [_stamp(path) for path in self._files]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = MINIMUM
    made.set_alpn_protocols(["http/1.1"])
    try:
        for path in (certificate, key):
            path.open("rb").close()  # OpenSSL would not say which of them is missing
        made.load_cert_chain(certificate, key, password=_no_passphrase)
    except (OSError, ValueError) as error:
        why = _why(error)
        raise BadCertificateError(certificate=certificate, key=key, why=why) from None
    return made


class _PassphraseError(ValueError):
    pass


def _no_passphrase() -> str:
    """Nobody is there to be asked."""
    raise _PassphraseError("the key has a passphrase")


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or str(error) or "not PEM").replace("_", " ").lower()
        return _SAID.get(reason, reason)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return str(error)


_SAID = {"key values mismatch": "the key is another certificate's"}
