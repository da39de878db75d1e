"""Live traffic that can be written at will, judges behind a real door, and evaluators over both."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from simulators.judge import JudgeServer
from support.databases import database_url, opened
from support.judges import opened as chat_at
from support.workspace import ANNA, Street, Workspace
from volano.core.errors import NotFoundError, UnavailableError
from volano.costs.price import Price, Rates
from volano.data.keeper import Datasets
from volano.evals import Evals
from volano.evals.judges.keeper import Judges
from volano.feedback.keeper import Feedbacks
from volano.feedback.metrics import Metrics
from volano.monitor.drift.script import script
from volano.monitor.evaluators import Evaluators, Watch
from volano.monitor.evaluators.book import Book
from volano.monitor.evaluators.looking import Again, Around
from volano.monitor.evaluators.voice import Voice
from volano.traces.spans import Spans

JUDGE = """
kind: rubric
criteria: [{name: helpful, question: "Segít a válasz?"}]
model: "sim:MODEL"
"""
PRICE = Price(Rates(1_000_000_000, 2_000_000_000), currency="EUR")
LAST = 1 << 62


class Live:
    """A street, a judge, and evaluators. `down` makes the judge's model not answer."""

    def __init__(self, folder, db, server):
        self.workspace = Workspace(folder, db)
        self.street = Street(self.workspace)
        self.workspace.serve()
        self.server, self.clock, self.db = server, self.workspace.clock, db
        self.down, self.again, self.asked_again = False, Again("fine"), 0
        self.price, self.held = PRICE, []
        datasets = Datasets(self.workspace.catalog)
        self.metrics = Metrics(db, self.workspace.ledger, self.clock)
        self.feedbacks = Feedbacks(
            self.street.spool, self.street.hot_path, self.clock, self.metrics
        )
        evals = Evals(self.workspace.catalog, datasets)
        self.judges = Judges(self.workspace.catalog, evals, self)
        self.spans = Spans(self.street.hot_path, self.street.traces.records)
        self.restart()

    def pin(self, name):
        if not name.startswith("sim:"):
            raise NotFoundError(name)
        return name, ""

    @contextmanager
    def open(self, name, _folder):
        if self.down:
            raise UnavailableError(
                self.down if isinstance(self.down, str) else "the judge is asleep"
            )
        with chat_at(self.server, name.partition(":")[2]) as chat:
            yield chat

    def ask_again(self, _call):
        self.asked_again += 1
        return self.again

    def restart(self):
        """Control as it is after a crash: it knows what is written down."""
        self.book = Book(self.db, self.workspace.ledger, self.clock)
        around = Around(
            traces=self.street.traces, spans=self.spans, kept=lambda _kind, ref: self.judges.kept(ref),
            open=self.open, price_of=lambda _name: self.price, price_of_call=lambda _call: self.price,
            again=self.ask_again, detect=script, held=lambda: self.held,
        )  # fmt: skip
        self.voice = Voice(self.feedbacks, self.metrics, self.clock)
        self.watch = Watch(self.book, around, self.voice, self.clock)
        self.evaluators = Evaluators(
            self.book, self.street.traces, self.judges, self.clock, self.watch.trouble
        )

    def judge(self, model="judge", name="helpful"):
        return self.judges.save(text=JUDGE.replace("MODEL", model), name=name, by=ANNA)

    def add(self, **said):
        said = {"name": "quality", "sample": 1, "seed": 7, "wait": "0s", **said}
        return self.evaluators.add(text=json.dumps(said, ensure_ascii=False), by=ANNA)

    def call(self, answer="a válasz. [good]", question="Hol a csomagom?", n=1, **more):
        """Let calls pass and be recorded; return their trace ids."""
        asked = more.pop("asked", {"messages": [{"role": "user", "content": question}]})
        message = {"message": {"content": answer}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 20, "completion_tokens": 10}
        ids = [
            self.street.call(
                "support", "stable", request=json.dumps(asked).encode(), door="openai.chat",
                response=json.dumps({"choices": [message], "usage": usage}).encode(), **more,
            )
            for _ in range(n)
        ]  # fmt: skip
        self.street.recorder.drain()
        self.clock.advance(1)
        return ids

    def look(self):
        looked = self.watch.once()
        self.street.recorder.drain()
        return looked

    def rows(self, name="quality"):
        return {row.trace_id: row for row in self.book.between(name, 0, LAST)}

    def said(self, **more):
        return self.feedbacks.list(limit=5_000, **more)

    def score(self, name):
        [found] = self.evaluators.scores("quality", score=name)["scores"]
        return SimpleNamespace(**found)


@pytest.fixture(scope="session")
def server() -> Iterator[JudgeServer]:
    made = JudgeServer()
    yield made
    made.stop()


@pytest.fixture
def live(request, tmp_path, server) -> Iterator[Live]:
    with database_url(getattr(request, "param", "sqlite"), tmp_path) as url, opened(url) as db:
        made = Live(tmp_path, db, server)
        yield made
        made.street.close()
