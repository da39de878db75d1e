import pytest

from volano.access.permissions import Permissions
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.data.gate import Gate
from volano.data.keeper import Datasets
from volano.governance.lineage import Lineage
from volano.governance.openlineage import Teller
from volano.jobs.keeper import Runs
from volano.jobs.schedules import Schedules
from volano.jobs.tables import change

OWNER = Principal("person", "olga", roles=frozenset({"owner"}))
CORRECTION = {
    "trace_id": "ab" * 16,
    "text": "Hol a csomagom?",
    "label": "szállítás",
    "feedback_id": "f1",
}


class House:
    """A chain from a file to a channel: two versions of a dataset, a Run, model, flow, release."""

    def __init__(self, desk, folder):
        self.desk, self.clock, self.catalog, self.ledger = (
            desk,
            desk.clock,
            desk.catalog,
            desk.ledger,
        )
        self.permissions = Permissions(desk.db, desk.ledger, desk.clock)
        self.gate = Gate(desk.db, self.permissions, desk.clock)
        self.datasets = Datasets(desk.catalog, access=self.gate)
        self.runs = Runs(desk.db, desk.ledger, folder / "jobs", desk.clock, jobs_url="sqlite://")
        self.runs.register("model.train", lambda work: {})
        self.schedules = Schedules(desk.db, desk.ledger, self.runs, desk.clock)
        self.teller = Teller(
            desk.ledger,
            self.runs,
            self.schedules,
            desk.catalog,
            workspace="bolt és társai",
            version="0.1.0",
        )
        self.lineage = Lineage(
            catalog=desk.catalog, datasets=self.datasets, gate=self.gate, runs=self.runs,
            releases=lambda: desk.releases, teller=self.teller,
        )  # fmt: skip
        self.file = folder / "jegyek.jsonl"

    def live(self):
        rows = [f'{{"text": "Kérem a számlát, {n}", "label": "számla"}}\n' for n in range(20)]
        self.file.write_text("".join(rows), encoding="utf-8")
        self.first = self.datasets.add("jegyek", self.file, by=OWNER)
        self.clock.advance(1)
        self.second = self.datasets.curate("jegyek", "jegyek@1", [CORRECTION], by=OWNER)
        self.run = self.runs.start(
            "model.train", name="kicsi", inputs={"data": "jegyek@2", "seed": 1}, by=OWNER
        )
        self.clock.advance(1)
        self.model = self.catalog.record(
            "model", "kicsi", files={"w": b"1"}, parents=[Parent("data", self.second.digest)],
            made_by=self.run.id, by=OWNER,
        )  # fmt: skip
        self.end(self.run, "done")
        self.report = self.catalog.record(
            "report", "kicsi-on-jegyek", files={"r": b"1"},
            parents=[Parent("subject", self.model.digest), Parent("dataset", self.second.digest)], by=OWNER,
        )  # fmt: skip
        self.release = self.catalog.record(
            "release", "bolt", files={"b": b"1"},
            parents=[Parent("model", self.model.digest), Parent("report", self.report.digest)], by=OWNER,
        )  # fmt: skip
        return self

    def end(self, run, state, **facts):
        verb = {"done": "finish", "failed": "fail", "cancelled": "cancel"}[state]
        with self.desk.db.write() as conn:
            change(conn, run.id, state=state, ended_us=self.clock.now_us())
            self.runs._note(verb, run.id, {"attempt": 1, **facts}, by=OWNER, conn=conn)


@pytest.fixture
def house(desk, tmp_path):
    return House(desk, tmp_path)
