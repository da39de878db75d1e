"""The statement: in-toto's own words around what a release pins; older releases go on to verify."""

import base64
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from support.workspace import ANNA
from volano.releases.errors import TamperedReleaseError
from volano.releases.release import BODY, KIND, SIGNATURE
from volano.releases.signing import Signer
from volano.releases.statement import IN_TOTO, PLAIN, PREDICATE, STATEMENT, signed


def pins_of(workspace, release):
    return [(p.role, workspace.catalog.by_digest(p.digest)) for p in release.manifest.parents]


def forge(workspace, release, *, body, kind):
    """A release of the same pins whose body is this, well signed as this type of payload."""
    files = {BODY: body, SIGNATURE: Signer(workspace.signing).sign(body, kind)}
    return workspace.catalog.record(
        KIND, release.name, files=files, parents=release.manifest.parents,
        meta=release.manifest.meta, made_by=f"{kind} {len(body)}", by=ANNA,
    )  # fmt: skip


def checked(told):
    """Check an envelope as anybody can, with `cryptography` alone; return the statement."""
    envelope = told["envelope"]
    kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
    said = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(told["key"]["ed25519"]))
    public.verify(base64.b64decode(envelope["signatures"][0]["sig"]), said)
    return json.loads(payload)


def test_others_can_check_it_and_read_what_it_pins(workspace):
    release = workspace.cut()
    told = workspace.releases.envelope(release.ref)
    statement = checked(told)
    assert told["envelope"]["payloadType"] == IN_TOTO
    assert (statement["_type"], statement["predicateType"]) == (STATEMENT, PREDICATE)
    subjects = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    for _, artifact in pins_of(workspace, release):
        assert subjects[f"{artifact.kind}/{artifact.ref}"] == artifact.digest.hex
    assert [pin["role"] for pin in statement["predicate"]["pins"]] == ["flow", "model", "prompt"]
    changed = json.loads(json.dumps(told))
    changed["envelope"]["payload"] = base64.b64encode(b"{}").decode()
    with pytest.raises(InvalidSignature):
        checked(changed)


def test_an_artifact_of_two_roles_is_one_subject(workspace):
    flow = workspace.flow()
    said = json.loads(signed(IN_TOTO, "x", [("flow", flow), ("base", flow)]))
    assert [one["name"] for one in said["subject"]] == [f"flow/{flow.ref}"]
    assert len(said["predicate"]["pins"]) == 2


def test_a_release_that_was_signed_before_still_verifies_and_serves(workspace):
    release = workspace.cut()
    body = signed(PLAIN, release.name, pins_of(workspace, release))
    assert set(json.loads(body)) == {"name", "pins"}
    older = forge(workspace, release, body=body, kind=PLAIN)
    assert workspace.releases.verify(older.ref).digest == older.digest
    assert workspace.releases.envelope(older.ref)["envelope"]["payloadType"] == PLAIN
    assert workspace.releases.promote(older.ref, channel="support", by=ANNA).state == "warming"


@pytest.mark.parametrize(("written", "said"), [(PLAIN, IN_TOTO), (IN_TOTO, PLAIN)])
def test_the_words_of_one_type_are_none_under_the_other(workspace, written, said):
    release = workspace.cut()
    body = signed(written, release.name, pins_of(workspace, release))
    with pytest.raises(TamperedReleaseError, match="other artifacts than it signs"):
        workspace.releases.verify(forge(workspace, release, body=body, kind=said).ref)


def test_a_statement_of_another_predicate_is_refused(workspace):
    release = workspace.cut()
    body = signed(IN_TOTO, release.name, pins_of(workspace, release))
    other = body.replace(PREDICATE.encode(), b"https://slsa.dev/provenance/v1")
    with pytest.raises(TamperedReleaseError):
        workspace.releases.verify(forge(workspace, release, body=other, kind=IN_TOTO).ref)
