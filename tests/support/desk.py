"""A costs room with real records: calls go through a spool and a recorder."""

from pathlib import Path

from volano.core.clock import ManualClock
from volano.costs.energy import Meter
from volano.costs.keeper import Costs
from volano.costs.pricing import Pricing
from volano.costs.repricing import Repricing
from volano.costs.spending import Spending
from volano.store import Database, Ledger
from volano.traces import Call, HotStore, Kind, Recorder, Spool, Traces, encode

AT_US = 1_750_000_000_000_000
DAY_US = 86_400_000_000


class Desk:
    def __init__(self, folder: Path, db: Database):
        self.folder, self.clock = folder, ManualClock(AT_US)
        (folder / "run").mkdir()
        self.published = 0
        self.traces = Traces(folder / "hot.db")
        self.ledger = Ledger(db, self.clock)
        self.costs = Costs(
            db=db, ledger=self.ledger, traces=self.traces, spool=folder / "spool",
            run=folder / "run", clock=self.clock, publish=self.publish,
            frames=self.spool("control"),
        )  # fmt: skip
        self.spending = Spending(
            traces=self.traces, book=self.costs.book, clock=self.clock, meter=Meter()
        )
        self.calls = 0

    def publish(self) -> int:
        self.published += 1
        return self.published

    def call(self, spool, **given):
        self.calls += 1
        usage = b'{"usage":{"prompt_tokens":1000,"completion_tokens":100}}'
        given = {
            "id": f"{self.calls:032x}", "span_id": f"{self.calls:016x}", "began_us": AT_US,
            "ended_us": AT_US + 500_000, "key_id": "k1", "group": "shop/support",
            "channel": "support", "release": "support@1", "door": "openai.chat",
            "target": "t", "model": "openai/gpt-4o-mini", "response": usage, **given,
        }  # fmt: skip
        spool.append(Kind.CALL, encode(Call(**given)))

    def record(self):
        hot = HotStore(self.folder / "hot.db")
        pricing = Pricing(self.costs.book)
        sinks = {Kind.REPRICE: Repricing(pricing)}
        recorder = Recorder(self.folder / "spool", hot, sinks, annotate=pricing)
        recorder.drain()
        recorder.close()
        hot.close()

    def spool(self, name="w"):
        return Spool(self.folder / "spool", name)
