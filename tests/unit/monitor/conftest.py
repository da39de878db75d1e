"""A watch over real records and a real catalog, with a clock that moves when told."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.receivers import Hook
from support.databases import opened, sqlite_url
from support.workspace import ANNA
from unit.traces.test_rollup import Records, ended
from volano.adapters.notify import receiver
from volano.core.clock import Clock
from volano.monitor.alerts import Alerts
from volano.monitor.book import AlertBook
from volano.monitor.judge import Judge
from volano.monitor.outbox import Outbox
from volano.monitor.series import Series
from volano.monitor.slos import SLOs
from volano.monitor.watch import Watch
from volano.store.db import Database
from volano.store.ledger import Ledger


class Post:
    """Records, alerts, and somebody who is told."""

    def __init__(self, folder: Path, db: Database, hook: Hook, clock: Clock | None = None):
        self.folder, self.db, self.hook = folder, db, hook
        self.records = Records(folder, clock)
        self.clock = self.records.clock
        self.ledger = Ledger(db, self.clock)
        self.calls = 0
        self.drifts: list = []
        self.restart()

    def restart(self) -> None:
        """Control as it is after a crash: it knows what the catalog knows."""
        self.book = AlertBook(self.db, self.ledger)
        self.series = Series(self.records.traces)
        self.slos = SLOs(db=self.db, ledger=self.ledger, series=self.series, clock=self.clock,
                         in_use=self.book.watching)  # fmt: skip
        judge = Judge(self.series, self.slos.promised, lambda: self.drifts)
        self.watch = Watch(self.book, judge, self.clock, "http://here")
        self.outbox = Outbox(self.book, receiver, self.clock, workspace="shop", url="http://here")
        self.alerts = Alerts(
            book=self.book, ledger=self.ledger, slos=self.slos, receivers=receiver,
            watch=self.watch, outbox=self.outbox, clock=self.clock, home=self.folder,
            workspace="shop", url="http://here",
        )  # fmt: skip

    def rules(self, *rules: dict, receivers: dict | None = None) -> None:
        """Apply a file of these rules; JSON is YAML too."""
        path = self.folder / "rules.yaml"
        hook = {"hook": {"kind": "webhook", "url": self.hook.url}}
        said = {"rules": [*rules], "receivers": hook if receivers is None else receivers}
        path.write_text(json.dumps(said))
        self.alerts.apply(path, by=ANNA)

    def call(self, count: int = 1, *, ago_s: float = 0, **more) -> None:
        at_us = self.clock.now_us() - int(ago_s * 1e6)
        self.records.write(*(ended(self.calls + n, at_us, **more) for n in range(count)))
        self.calls += count

    def tick(self, seconds: float = 1) -> list[dict]:
        """Let time pass, look, tell; return what the receiver was told of by this."""
        self.clock.advance(seconds)
        self.watch.tick()
        before = len(self.hook.seen)
        self.outbox.deliver()
        return [c for body in self.hook.bodies[before:] for c in body["changes"]]

    def states(self) -> dict[str, str]:
        return {a.labels.get("channel", a.rule): a.state for a in self.alerts.list(all=True)}


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog that was migrated once, to be copied: most of such a test would be migrations."""
    folder = tmp_path_factory.mktemp("catalog")
    with opened(sqlite_url(folder)):
        return folder / "catalog.db"


@pytest.fixture
def post(tmp_path: Path, migrated: Path, hook: Hook) -> Iterator[Post]:
    shutil.copy(migrated, tmp_path / "catalog.db")
    db = Database(sqlite_url(tmp_path))
    made = Post(tmp_path, db, hook)
    yield made
    made.records.close()
    db.close()
