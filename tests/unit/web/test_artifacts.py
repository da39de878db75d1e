"""The lists of artifacts in the console."""

from types import SimpleNamespace

from sqlalchemy import update

from volano.store.tables import artifacts
from volano.web.pages import kinds
from volano.web.pages.artifacts import listing
from volano.web.pages.view import Asked


def test_a_list_shows_a_broken_artifact_with_its_reason(desk):
    release, fine = desk.cut(), desk.cut("other")
    with desk.db.write() as conn:
        mine = artifacts.c.digest == release.digest
        conn.execute(update(artifacts).where(mine).values(manifest=b"not JSON"))
    app = SimpleNamespace(catalog=desk.catalog)
    rows = listing("release", kinds.release_telling)(app, Asked(), desk.clock.now_us()).rows
    shown = {row.cells[0].value: row.cells[1].value for row in rows}
    assert shown[fine.ref] == "pins 3 artifacts"
    assert shown[release.ref].startswith("broken: the manifest of release/support@1 does not")
