"""The text of a key: its shape, its checksum, its fingerprint."""

import base64
import hashlib
import hmac
import string
import sys
import zlib
from subprocess import run

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.access.errors import MalformedKeyError, MistypedKeyError
from volano.access.key import Key, checksum, fingerprint, new_text, parse
from volano.core.errors import UnauthenticatedError

SAMPLE = "vk_abcdefgh_0123456789ABCDEFGHIJKLMNOPQRSTUV_nfglaw"


def test_the_format_is_pinned() -> None:
    """Keys in the field must stay valid: a change here is a change of format."""
    assert f"{SAMPLE[:-7]}_{checksum(SAMPLE[:-7])}" == SAMPLE
    low30 = zlib.crc32(SAMPLE[:-7].encode()) << 2 & 0xFFFFFFFF
    assert base64.b32encode(low30.to_bytes(4)).decode().lower()[:6] == SAMPLE[-6:]
    assert parse(SAMPLE) == "abcdefgh"


def test_a_new_key_parses_and_is_new() -> None:
    texts = {new_text() for _ in range(200)}
    assert len(texts) == 200
    assert len({parse(text) for text in texts}) == 200
    assert all(len(text) == len(SAMPLE) for text in texts)


@pytest.mark.parametrize("place", range(3, len(SAMPLE)))
def test_every_slip_of_one_character_is_seen(place: int) -> None:
    for other in string.ascii_letters + string.digits + "_ ":
        if other != SAMPLE[place]:
            with pytest.raises(MistypedKeyError):
                parse(SAMPLE[:place] + other + SAMPLE[place + 1 :])


@pytest.mark.parametrize(
    "text", [SAMPLE[:-1], SAMPLE + "x", SAMPLE + "\n", "vk_", SAMPLE.replace("_", "-", 1)]
)
def test_a_key_that_was_cut_or_grew_is_refused(text: str) -> None:
    with pytest.raises(UnauthenticatedError):
        parse(text)


@given(st.text())
def test_nothing_else_is_a_key(text: str) -> None:
    with pytest.raises(MistypedKeyError if text.startswith("vk_") else MalformedKeyError):
        parse(text)


def test_two_neighbours_swapped_are_seen() -> None:
    for place in range(3, len(SAMPLE) - 1):
        swapped = SAMPLE[:place] + SAMPLE[place + 1] + SAMPLE[place] + SAMPLE[place + 2 :]
        if swapped != SAMPLE:
            with pytest.raises(MistypedKeyError):
                parse(swapped)


def test_the_fingerprint_is_an_hmac_under_the_secret() -> None:
    expected = hmac.new(b"s" * 32, SAMPLE.encode(), hashlib.sha256).hexdigest()
    assert fingerprint(b"s" * 32, SAMPLE) == expected
    assert fingerprint(b"t" * 32, SAMPLE) != expected


def test_what_a_key_allows() -> None:
    one = Key("x", "n", "", ("chat:support",), 0)
    assert one.allows("chat:support")
    assert not one.allows("chat:supportx")
    assert not one.allows("chat:*")
    assert not one.allows("feedback")
    every = Key("x", "n", "", ("chat:*",), 0)
    assert every.allows("chat:support/staging")
    assert not every.allows("read")


def test_a_key_lives_until_it_expires_or_is_revoked() -> None:
    key = Key("x", "n", "", (), 0, expires_us=100)
    assert key.live(99)
    assert not key.live(100)
    assert not Key("x", "n", "", (), 0, revoked_us=5).live(1)


def test_the_module_of_keys_loads_no_database() -> None:
    """A gateway worker needs it and must stay small."""
    script = (
        "import sys, volano.access.key; print(*({'sqlalchemy', 'cryptography'} & {*sys.modules}))"
    )
    done = run([sys.executable, "-c", script], capture_output=True, text=True, check=True,
               env={"PYTHONPATH": ":".join(filter(None, sys.path))})  # fmt: skip
    assert done.stdout.split() == []
