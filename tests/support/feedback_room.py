"""The keepers of the feedback room over one folder, with a recorder: feedback enters as in life."""

import json
from pathlib import Path

from volano.core.clock import ManualClock
from volano.core.principal import Principal
from volano.feedback import Feedbacks, sink
from volano.feedback.metrics import Metrics
from volano.feedback.reviews import Reviews
from volano.store import Database, Ledger
from volano.traces import Call, HotStore, Kind, Recorder, Spool, Traces, encode

ANNA = Principal("person", "anna", group="acme/support")
JUDGE = Principal("service", "key/judge")
OWNER = Principal("person", "olga", roles=frozenset({"owner"}))


class Office:
    """The keepers of this room over one folder and one catalog, with a recorder beside."""

    def __init__(self, folder: Path, db: Database):
        self.clock = ManualClock()
        self.ledger = Ledger(db, self.clock)
        self.metrics = Metrics(db, self.ledger, self.clock)
        self.spool = Spool(folder / "spool", "control")
        self.hot = HotStore(folder / "hot.db")
        self.recorder = Recorder(folder / "spool", self.hot, {Kind.FEEDBACK: sink})
        self.traces = Traces(folder / "hot.db")
        self.feedbacks = Feedbacks(self.spool, folder / "hot.db", self.clock, self.metrics)
        self.reviews = Reviews(
            db=db, ledger=self.ledger, clock=self.clock, traces=self.traces,
            feedbacks=self.feedbacks, metrics=self.metrics,
        )  # fmt: skip

    def call(self, n: int, text: str = "?", **more):
        """Spool a call; its trace id is n in hexadecimal."""
        body = json.dumps({"messages": [{"role": "user", "content": text}]}).encode()
        call = Call(
            id=f"{n:032x}", span_id=f"{n:016x}", began_us=n, ended_us=n + 1, request=body, **more
        )
        self.spool.append(Kind.CALL, encode(call))
        return call.id

    def give(self, subject: str, *, by=ANNA, **more):
        self.clock.advance(1)
        return self.feedbacks.give(subject, by=by, **more).value

    def read(self):
        """Let the recorder take in what was spooled."""
        self.recorder.drain()
        return self.feedbacks

    def close(self):
        self.recorder.close()
        self.spool.close()
        self.hot.close()
