"""DSSE envelopes: what was signed, by which key, and nothing else."""

import base64
import json

import pytest

from volano.access.signing import SigningKey, is_signed
from volano.releases.signing import KINDS, Signer, _pae, kind_of
from volano.releases.statement import IN_TOTO, PLAIN


@pytest.fixture
def key(tmp_path):
    return SigningKey.load_or_create(tmp_path / "keys" / "signing.key")


def test_the_encoding_is_that_of_the_specification():
    """The example of secure-systems-lab/dsse, protocol.md, with its payload type and ours."""
    body = b"hello world"
    said = "http://example.com/HelloWorld"
    assert _pae(body, said) == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert _pae(body, IN_TOTO) == b"DSSEv1 28 application/vnd.in-toto+json 11 hello world"


@pytest.mark.parametrize("body", [b"", b"{}", "űrhajó 飞船".encode(), bytes(range(256))])
def test_what_was_signed_holds(key, body):
    envelope = Signer(key).sign(body)
    assert Signer(key).problem(body, envelope) is None
    [entry] = json.loads(envelope)["signatures"]
    assert entry["keyid"] == key.id
    assert is_signed(_pae(body, IN_TOTO), base64.b64decode(entry["sig"]), key.public)
    assert not is_signed(body, base64.b64decode(entry["sig"]), key.public)


def test_what_was_signed_before_statements_holds(key):
    envelope = Signer(key).sign(b"{}", PLAIN)
    assert Signer(key).problem(b"{}", envelope) is None
    assert kind_of(envelope) == PLAIN


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_of_one_type_is_none_of_the_other(key, kind):
    raw = json.loads(Signer(key).sign(b"{}", kind))
    raw["payloadType"] = next(other for other in KINDS if other != kind)
    assert "does not match" in Signer(key).problem(b"{}", json.dumps(raw).encode())


def test_signing_twice_gives_the_same_bytes(key):
    assert Signer(key).sign(b"x") == Signer(key).sign(b"x")


def test_the_type_is_signed_too(key):
    raw = json.loads(Signer(key).sign(b"x"))
    raw["payloadType"] = "application/json"
    assert "other content" in Signer(key).problem(b"x", json.dumps(raw).encode())


def test_of_several_signatures_the_trusted_one_counts(key, tmp_path):
    other = SigningKey.load_or_create(tmp_path / "other" / "signing.key")
    ours, theirs = (json.loads(Signer(k).sign(b"x")) for k in (key, other))
    ours["signatures"] += theirs["signatures"]
    assert Signer(key).problem(b"x", json.dumps(ours).encode()) is None
    assert Signer(other).problem(b"x", json.dumps(ours).encode()) is None


def test_no_signature_is_none_of_ours(key):
    raw = json.loads(Signer(key).sign(b"x"))
    raw["signatures"] = []
    assert "does not trust" in Signer(key).problem(b"x", json.dumps(raw).encode())
