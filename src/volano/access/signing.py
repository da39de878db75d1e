"""Signing keys: Ed25519 (RFC 8032). A release is signed when it is cut, checked when it is used."""

import hashlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from volano.access.errors import DamagedSecretError
from volano.access.secret import load_or_create


class SigningKey:
    """A private key. `public` is the raw 32 bytes, `id` the first 16 hex digits of their sha256."""

    def __init__(self, private: Ed25519PrivateKey):
        self._private = private
        self.public = private.public_key().public_bytes_raw()
        self.id = key_id(self.public)

    @classmethod
    def load_or_create(cls, path: Path | str) -> "SigningKey":
        """Read the key from a PEM file (PKCS 8); make it the first time.

        Raises:
            ExposedSecretError, SecretFileError: as in `secret.load_or_create`.
            DamagedSecretError: the file does not hold an Ed25519 key.
        """
        data = load_or_create(path, _new_pem)
        try:
            private = serialization.load_pem_private_key(data, password=None)
        except (ValueError, TypeError) as error:
            raise DamagedSecretError(path=path, what="signing key") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise DamagedSecretError(path=path, what="Ed25519 key")
        return cls(private)

    def sign(self, data: bytes) -> bytes:
        """Return the signature of these bytes: 64 bytes."""
        return self._private.sign(data)


def is_signed(data: bytes, signature: bytes, public: bytes) -> bool:
    """Whether this is the signature of these bytes under this public key (raw 32 bytes)."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_id(public: bytes) -> str:
    """Return the short name of a public key."""
    return hashlib.sha256(public).hexdigest()[:16]


def _new_pem() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
