"""A release that is not what was signed is refused, whatever was changed, and nothing moves."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import delete, select, update

from support.workspace import ANNA
from volano.access.signing import SigningKey
from volano.core.canon import canonical
from volano.core.manifest import Manifest, Parent
from volano.releases.errors import TamperedReleaseError
from volano.releases.release import BODY, KIND, SIGNATURE
from volano.releases.signing import Signer
from volano.store.tables import artifacts, blobs


def refused(workspace, why=None, ref="support@1"):
    """Promoting and verifying it both fail, and leave the channel alone."""
    for verb in (
        lambda: workspace.releases.verify(ref),
        lambda: workspace.releases.promote(ref, channel="support", by=ANNA),
    ):
        with pytest.raises(TamperedReleaseError, match=why) as caught:
            verb()
        assert ref in caught.value.message
    assert workspace.releases.channels() == []
    assert workspace.published == []


def damage_blob(workspace, digest):
    """Change stored bytes, as a failing disk or a person with an editor would."""
    with workspace.db.read() as conn:
        row = conn.execute(select(blobs).where(blobs.c.digest == digest)).one()
    [pack] = workspace.folder.glob(f"blobs/**/{row.pack}")
    pack.chmod(0o600)
    data = bytearray(pack.read_bytes())
    for at in range(row.offset + 8, min(row.offset + row.stored + 40, len(data))):
        data[at] ^= 0x55
    pack.write_bytes(data)


def rewrite(workspace, artifact, manifest):
    """Put another manifest into an artifact's row."""
    with workspace.db.write() as conn:
        conn.execute(
            update(artifacts).where(artifacts.c.digest == artifact.digest).values(manifest=manifest)
        )


def forge(workspace, *, body=None, signature=None, parents=None):
    """Record a release under the next number with parts of the real one."""
    real = workspace.releases.get("support@1")
    read = workspace.catalog.read
    files = {
        BODY: body if body is not None else read(real, BODY),
        SIGNATURE: signature if signature is not None else read(real, SIGNATURE),
    }
    return workspace.catalog.record(
        KIND, "support", files=files, parents=parents or real.manifest.parents,
        meta=real.manifest.meta, made_by="forger", by=ANNA,
    )  # fmt: skip


@pytest.mark.parametrize("path", [BODY, SIGNATURE])
def test_changed_bytes_of_the_release(workspace, path):
    release = workspace.cut()
    damage_blob(workspace, release.manifest.files[path].digest)
    refused(workspace)


@pytest.mark.parametrize("role", ["flow", "prompt"])
def test_changed_bytes_of_what_it_pins(workspace, role):
    release = workspace.cut()
    [digest] = [p.digest for p in release.manifest.parents if p.role == role]
    [file] = workspace.catalog.by_digest(digest).manifest.files.values()
    damage_blob(workspace, file.digest)
    refused(workspace)


def test_lost_bytes(workspace):
    release = workspace.cut()
    with workspace.db.write() as conn:
        conn.execute(delete(blobs).where(blobs.c.digest == release.manifest.files[BODY].digest))
    refused(workspace)


@pytest.mark.parametrize("manifest", [b"", b"{}", b"not JSON", b"\xff\xfe"])
def test_a_manifest_row_that_is_no_manifest(workspace, manifest):
    rewrite(workspace, workspace.cut(), manifest)
    refused(workspace)


def test_a_manifest_row_with_other_meta(workspace):
    release = workspace.cut()
    rewrite(workspace, release, replace(release.manifest, meta={"pins": {}}).to_bytes())
    refused(workspace, "does not give its digest")


def test_a_manifest_row_that_points_to_other_files(workspace):
    release, other = workspace.cut(), workspace.cut("other")
    rewrite(workspace, release, replace(release.manifest, files=other.manifest.files).to_bytes())
    refused(workspace)


def test_a_manifest_row_without_files(workspace):
    release = workspace.cut()
    rewrite(workspace, release, replace(release.manifest, files={}).to_bytes())
    refused(workspace)


def test_the_manifest_row_of_a_pinned_model(workspace):
    """A pointer has no files: its address is in the manifest alone."""
    release = workspace.cut()
    [digest] = [p.digest for p in release.manifest.parents if p.role == "model"]
    model = workspace.catalog.by_digest(digest)
    meta = {**model.manifest.meta, "url": "https://evil.example/v1"}
    rewrite(workspace, model, replace(model.manifest, meta=meta).to_bytes())
    refused(workspace, "does not give its digest")


def test_a_pinned_artifact_that_is_gone(workspace):
    release = workspace.cut()
    [digest] = [p.digest for p in release.manifest.parents if p.role == "prompt"]
    with workspace.db.write() as conn:
        conn.execute(delete(artifacts).where(artifacts.c.digest == digest))
    refused(workspace)


def test_a_pinned_artifact_under_another_number(workspace):
    release = workspace.cut()
    digest = release.manifest.parents[0].digest
    with workspace.db.write() as conn:
        conn.execute(update(artifacts).where(artifacts.c.digest == digest).values(number=7))
    refused(workspace, "other artifacts than it signs")


def test_swapped_pins(workspace):
    release, other = workspace.cut(), workspace.cut("other")
    forged = forge(workspace, parents=other.manifest.parents)
    refused(workspace, "other artifacts than it signs", ref=forged.ref)
    assert workspace.releases.verify(release.ref)


def test_swapped_roles(workspace):
    release = workspace.cut()
    flow, model, prompt = release.manifest.parents
    parents = [Parent("flow", prompt.digest), model, Parent("prompt", flow.digest)]
    refused(workspace, "other artifacts", ref=forge(workspace, parents=parents).ref)


def test_another_body_under_the_old_signature(workspace):
    release = workspace.cut()
    body = json.loads(workspace.catalog.read(release, BODY))
    body["predicate"]["pins"] = body["predicate"]["pins"][:1]
    refused(workspace, "other content", ref=forge(workspace, body=canonical(body)).ref)


def test_a_signature_by_another_key(workspace, tmp_path):
    release = workspace.cut()
    stranger = Signer(SigningKey.load_or_create(tmp_path / "other" / "signing.key"))
    signature = stranger.sign(workspace.catalog.read(release, BODY))
    refused(workspace, "does not trust", ref=forge(workspace, signature=signature).ref)


def test_a_strange_signature_under_the_trusted_name(workspace, tmp_path):
    release = workspace.cut()
    body = workspace.catalog.read(release, BODY)
    stranger = Signer(SigningKey.load_or_create(tmp_path / "other" / "signing.key"))
    envelope = json.loads(stranger.sign(body))
    envelope["signatures"][0]["keyid"] = workspace.signing.id
    signature = json.dumps(envelope).encode()
    refused(workspace, "does not match", ref=forge(workspace, signature=signature).ref)


@pytest.mark.parametrize(
    "signature",
    [
        b"", b"{}", b"[]", b"null", b"\xff", b'{"signatures": 3}', b'{"signatures": [3]}',
        b'{"payload": "", "signatures": []}', b"[" * 100_000,
        b'{"payload": "e30=", "payloadType": "x", "signatures": [{"keyid": "a", "sig": 3}]}',
    ],
    ids=range(10),
)  # fmt: skip
def test_a_signature_that_is_none(desk, signature):
    desk.cut()
    refused(desk, "signature|signed", ref=forge(desk, signature=signature).ref)


def test_a_release_of_a_workspace_with_other_keys(workspace, tmp_path):
    workspace.cut()
    stranger = SigningKey.load_or_create(tmp_path / "other" / "signing.key")
    workspace.releases = workspace.releases_signed_by(stranger)
    refused(workspace, "does not trust")


def test_damaged_parts_are_not_cut_into_a_release(workspace):
    flow = workspace.flow()
    [file] = flow.manifest.files.values()
    damage_blob(workspace, file.digest)
    with pytest.raises(TamperedReleaseError, match="damaged"):
        workspace.releases.cut("support", flow=flow.ref, by=ANNA)


def test_a_signed_manifest_is_the_one_that_was_read(desk):
    """The canonical bytes of what `verify` returns are those of the row."""
    release = desk.cut()
    found = desk.releases.verify(release.ref)
    assert Manifest.from_bytes(found.manifest.to_bytes()).digest == release.digest
