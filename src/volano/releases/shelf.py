"""Releases as what they are: signed artifacts, cut, read and checked."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from volano.core.errors import IntegrityError, NotFoundError
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.core.verdict import Verdict
from volano.flows.keeper import Flows
from volano.releases.card import CARD, card
from volano.releases.errors import NoCardError, StrangeReportError, TamperedReleaseError
from volano.releases.release import BODY, KIND, SIGNATURE, Pins, subjects_of
from volano.releases.retired import refuse_retired
from volano.releases.signing import Signer, kind_of
from volano.releases.statement import signed
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.store.db import Database
from volano.store.errors import CorruptBlobError, MissingBlobError


class Shelf:
    """Cuts releases, and gives out those that are as they were signed."""

    def __init__(self, *, db: Database, catalog: Catalog, flows: Flows, signer: Signer):
        self._db = db
        self._catalog = catalog
        self._flows = flows
        self._signer = signer

    def cut(
        self,
        name: str,
        *,
        flow: Ref | str,
        reports: Sequence[Ref | str] = (),
        notes: str = "",
        by: Principal,
    ) -> Artifact:
        """Pin a flow, its parts and its reports into the next signed release, with its card.

        `notes` are words for the card: what is new in it, and why.

        Raises:
            ModelNotUsableError: its model is retired or revoked.
            StrangeReportError: a report speaks neither of the flow nor of its model.
            TamperedReleaseError: a pinned artifact's bytes are not what its digest says.
        """
        pinned = self._flows.usable(self._flows.get(flow))
        parts = [(p.role, self._catalog.by_digest(p.digest)) for p in pinned.manifest.parents]
        pins = Pins(pinned, parts, [self._catalog.get("report", ref) for ref in reports])
        for report in pins.strange_reports():
            subject = self._subject(report)
            raise StrangeReportError(report=report.ref, subject=subject, flow=pinned.ref)
        for _, artifact in pins.all():
            for problem in self._catalog.verify(artifact):
                raise TamperedReleaseError(ref=f"{name} (new)", why=f"{artifact.ref}: {problem}")
        told = card(check_name(name), pins, self._catalog.lineage(pinned.digest), notes).encode()
        body = pins.body(name, told)
        meta = {"pins": {role: artifact.ref for role, artifact in pins.all()}}
        files = {BODY: body, SIGNATURE: self._signer.sign(body), CARD: told}
        return self._catalog.record(
            KIND, name, files=files, parents=pins.parents(), meta=meta, by=by
        )

    def get(self, ref: Ref | str) -> Artifact:
        """Return a release's artifact."""
        return self._catalog.get(KIND, ref)

    def card(self, ref: Ref | str) -> str:
        """Return the card of a release, in Markdown: what it pins, scores, licences, limits.

        Raises:
            NoCardError: it was cut before releases had one.
        """
        release = self.get(ref)
        if CARD not in release.manifest.files:
            raise NoCardError(ref=release.ref)
        return self._catalog.read(release, CARD).decode()

    def list(self, *, limit: int = 50) -> list[Artifact]:
        """Return the newest releases first."""
        return self._catalog.list(KIND, limit=limit)

    def verify(self, ref: Ref | str) -> Artifact:
        """Check signature, pins and all bytes that a release stands on; return it.

        Raises:
            TamperedReleaseError: anything is not as it was signed.
        """
        try:
            release = self.get(ref)
        except IntegrityError as error:
            raise TamperedReleaseError(ref=ref, why=error.message) from error
        try:
            self._check(release)
        except TamperedReleaseError:
            raise
        except (IntegrityError, NotFoundError) as error:
            raise TamperedReleaseError(ref=release.ref, why=error.message) from error
        return release

    def envelope(self, ref: Ref | str) -> dict[str, Any]:
        """Return the signed DSSE envelope of a release, and the key that it can be checked with.

        The payload is an in-toto Statement whose subjects are the pinned artifacts by sha256.
        Releases of earlier versions have name and pins alone for a payload.
        """
        release = self.get(ref)
        raw = json.loads(self._catalog.read(release, SIGNATURE))
        key = {"id": self._signer.key_id, "ed25519": self._signer.public.hex()}
        return {"release": release.ref, "digest": str(release.digest), "envelope": raw, "key": key}

    def trusted(self, digest: str) -> Artifact:
        """Return a release whose signature, pins and manifests hold: what is asked before serving.

        It costs little, however large the weights are. The bytes of what is
        pinned are not read here; whoever reads them has them checked.

        Raises:
            TamperedReleaseError: it is not what was signed.
            MissingBlobError, CorruptBlobError: its own bytes are damaged, so that nothing is proven.
        """
        try:
            release = self._catalog.by_digest(digest)
            self._check_signed(release)
        except (TamperedReleaseError, MissingBlobError, CorruptBlobError):
            raise
        except (IntegrityError, NotFoundError) as error:
            raise TamperedReleaseError(ref=digest, why=error.message) from error
        return release

    def signature(self, release: Artifact) -> Verdict:
        """Say whether a release is what was signed, without raising."""
        try:
            self.verify(release.ref)
        except IntegrityError as error:
            return Verdict("fail", error.message)
        return Verdict("pass", "signature, pins and all bytes are as they were signed")

    def servable(self, ref: Ref | str) -> Artifact:
        """Return a release that may be served.

        Raises:
            TamperedReleaseError: it is not what was signed.
            ModelNotUsableError: its model is retired or revoked.
            RetiredReleaseError: it is retired itself.
        """
        release = self.verify(ref)
        self._flows.usable(self.flow_of(release))
        with self._db.read() as conn:
            refuse_retired(conn, str(release.digest))
        return release

    def schema_of(self, digest: str) -> Mapping[str, Any] | None:
        """Return the schema that the answers of a release keep; None where its prompt declares none."""
        release = self._catalog.by_digest(digest)
        return self._flows.compile(self.flow_of(release)).prompt.schema

    def flow_of(self, release: Artifact) -> Artifact:
        """Return the flow that a release pins."""
        [digest] = [p.digest for p in release.manifest.parents if p.role == "flow"]
        return self._catalog.by_digest(digest)

    def _subject(self, report: Artifact) -> str:
        """Say what a report speaks of."""
        subjects = [self._catalog.by_digest(digest) for digest in subjects_of(report)]
        return ", ".join(f"the {one.kind} `{one.ref}`" for one in subjects) or "nothing"

    def _check(self, release: Artifact) -> None:
        """Look at the release's own bytes first: nothing that they say is believed before."""
        self._check_bytes(release, release)
        for artifact in self._check_signed(release):
            self._check_bytes(release, artifact)

    def _check_signed(self, release: Artifact) -> Sequence[Artifact]:
        """Check signature and pins; return what is pinned."""
        body = self._catalog.read(release, BODY)
        envelope = self._catalog.read(release, SIGNATURE)
        problem = self._signer.problem(body, envelope)
        if problem:
            raise TamperedReleaseError(ref=release.ref, why=problem)
        pinned = [self._catalog.by_digest(p.digest) for p in release.manifest.parents]
        roles = [p.role for p in release.manifest.parents]
        pins = zip(roles, pinned, strict=True)
        told = release.manifest.files.get(CARD)
        said = signed(kind_of(envelope), release.name, pins, told.digest if told else None)
        if said != body:
            raise TamperedReleaseError(ref=release.ref, why="it pins other artifacts than it signs")
        return pinned

    def _check_bytes(self, release: Artifact, artifact: Artifact) -> None:
        for found in self._catalog.verify(artifact):
            raise TamperedReleaseError(ref=release.ref, why=f"{artifact.ref}: {found}")
