"""Secret files: made once, private, refused when others could have had them."""

import os
from pathlib import Path
from threading import Barrier, Thread

import pytest

from volano.access.errors import DamagedSecretError, ExposedSecretError, SecretFileError
from volano.access.secret import hmac_secret, load_or_create
from volano.access.session import check_token, local_principal, session_token
from volano.access.signing import SigningKey, is_signed, key_id

MAKERS = [hmac_secret, session_token, SigningKey.load_or_create]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "secret"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("make", MAKERS)
def test_made_once_private_and_read_again(path: Path, make) -> None:
    first, again = make(path), make(path)
    assert getattr(first, "id", first) == getattr(again, "id", again)
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_may_read_is_refused(path: Path, make, bits: int) -> None:
    make(path)
    path.chmod(bits)
    with pytest.raises(ExposedSecretError) as caught:
        make(path)
    assert f"chmod 600 {path}" in caught.value.advice
    assert f"{bits:04o}" in caught.value.message


def test_a_folder_that_others_may_write_is_refused(path: Path) -> None:
    hmac_secret(path)
    path.parent.chmod(0o777)
    with pytest.raises(ExposedSecretError) as caught:
        hmac_secret(path)
    assert f"chmod 700 {path.parent}" in caught.value.advice


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("damage", [b"", b"\xff" * 31, b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_damaged_file_is_told_and_left_as_it_is(path: Path, make, damage: bytes) -> None:
    load_or_create(path, lambda: damage)
    with pytest.raises(DamagedSecretError):
        make(path)
    assert path.read_bytes() == damage


def test_an_ssh_or_rsa_key_is_not_a_signing_key(path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    load_or_create(path, lambda: pem)
    with pytest.raises(DamagedSecretError, match="Ed25519"):
        SigningKey.load_or_create(path)


def test_a_folder_in_place_of_a_file_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises((SecretFileError, ExposedSecretError)):
        hmac_secret(path)


def test_those_that_come_at_once_agree(path: Path) -> None:
    barrier, got = Barrier(8), []

    def come() -> None:
        barrier.wait()
        got.append(hmac_secret(path))

    threads = [Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len(set(got)) == 1


def test_the_umask_makes_nothing_wider(path: Path) -> None:
    old = os.umask(0)
    try:
        hmac_secret(path)
    finally:
        os.umask(old)
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)


def test_the_token_is_checked(path: Path) -> None:
    token = session_token(path)
    assert check_token(token, token)
    for wrong in (None, "", token[:-1], token + "x", token.swapcase(), "\udcff", "ключ"):
        assert not check_token(wrong, token)


def test_the_one_at_this_machine_is_the_owner() -> None:
    principal = local_principal()
    assert principal.kind == "person"
    assert principal.name
    assert principal.roles == {"owner"}


def test_a_signature_holds_for_these_bytes_and_this_key_only(tmp_path: Path) -> None:
    mine = SigningKey.load_or_create(tmp_path / "keys" / "a.key")
    other = SigningKey.load_or_create(tmp_path / "keys" / "b.key")
    signature = mine.sign(b"manifest")
    assert is_signed(b"manifest", signature, mine.public)
    assert mine.id == key_id(mine.public) != other.id
    assert not is_signed(b"manifesT", signature, mine.public)
    assert not is_signed(b"manifest", signature, other.public)
    assert not is_signed(b"manifest", signature[:-1], mine.public)
    assert not is_signed(b"manifest", signature, b"short")
    assert not is_signed(b"manifest", b"", mine.public)
