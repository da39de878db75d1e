"""Manifests: golden digests, so that no change of code ever renames an artifact."""

import json

import pytest

from volano.core.canon import NotCanonicalError
from volano.core.digest import Digest
from volano.core.manifest import BadManifestError, File, Manifest, Parent
from volano.core.ref import BadRefError

EMPTY = Manifest("dataset", "tickets", 1_750_000_000_000_000)
FULL = Manifest(
    kind="model",
    name="útválasztó/客服",
    created_us=1_750_000_000_123_456,
    files={
        "model.gguf": File(Digest.of(b"weights"), 7),
        "config.json": File(Digest.of(b"{}"), 2),
    },
    parents=(Parent("train", Digest.of(b"rows")), Parent("base", Digest.of(b"base"))),
    made_by="01977420-dfe8-7000-b2ca-7667a29b40e8",
    meta={"parity": {"n": 100, "equal": 100}, "lr": 4e-3, "größe": 1e21, "tags": ["a", None, True]},
)
GOLDEN = {
    "empty": (EMPTY, "sha256:3627c02fab428e3b02ccae5e2f99698269767787f8cfdf46db849ea3e0e5983a"),
    "full": (FULL, "sha256:4b728dd1850087a1d5e30521061891cbfaeb419d5b622cce5fe4aa14f6217bdb"),
}


@pytest.mark.parametrize(("manifest", "digest"), GOLDEN.values(), ids=GOLDEN.keys())
def test_golden_digests(manifest: Manifest, digest: str) -> None:
    """If this fails, artifacts in the field lose their names: make a new schema version."""
    assert manifest.digest == digest


def test_golden_bytes() -> None:
    assert EMPTY.to_bytes() == (
        b'{"created_us":1750000000000000,"files":{},"kind":"dataset","made_by":null,'
        b'"media_type":"application/vnd.volano.manifest+json","meta":{},"name":"tickets",'
        b'"parents":[],"schema_version":1}'
    )


@pytest.mark.parametrize("manifest", [EMPTY, FULL])
def test_reads_back_with_the_same_digest(manifest: Manifest) -> None:
    back = Manifest.from_bytes(manifest.to_bytes())
    assert back == manifest
    assert back.digest == manifest.digest


def test_size_is_that_of_all_files() -> None:
    assert (EMPTY.size, FULL.size) == (0, 9)


def test_the_spelling_of_a_name_does_not_matter() -> None:
    one, other = (Manifest("data", name, 1) for name in ("caf\u00e9", "cafe\u0301"))
    assert one.digest == other.digest


def test_the_order_of_parents_matters_and_that_of_files_does_not() -> None:
    files = dict(reversed(FULL.files.items()))
    assert (
        Manifest("m", "x", 1, files=files).digest == Manifest("m", "x", 1, files=FULL.files).digest
    )
    swapped = FULL.parents[::-1]
    assert (
        Manifest("m", "x", 1, parents=swapped).digest
        != Manifest("m", "x", 1, parents=FULL.parents).digest
    )


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"null", b"\xff", b"7", b'"x"', EMPTY.to_bytes()[:-1],
        EMPTY.to_bytes().replace(b'"schema_version":1', b'"schema_version":2'),
        EMPTY.to_bytes().replace(b"vnd.volano", b"vnd.other"),
        EMPTY.to_bytes().replace(b'"parents":[]', b'"parents":[1]'),
        EMPTY.to_bytes().replace(b'"files":{}', b'"files":{"a":{"digest":"md5:1","size":1}}'),
        EMPTY.to_bytes().replace(b'"files":{}', b'"files":[]'),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_told(data: bytes) -> None:
    with pytest.raises(BadManifestError) as caught:
        Manifest.from_bytes(data)
    assert caught.value.advice


def test_what_cannot_be_a_manifest() -> None:
    with pytest.raises(BadRefError):
        Manifest("data", "a b", 1).to_bytes()
    with pytest.raises(NotCanonicalError):
        Manifest("data", "a", 1, meta={"x": float("inf")}).to_bytes()


def test_it_is_plain_json() -> None:
    assert json.loads(FULL.to_bytes()) == FULL.to_dict()
