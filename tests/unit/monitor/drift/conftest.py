"""A workspace with traffic that can be written at will, and a keeper of drift over it."""

import json
import random
from collections.abc import Iterator

import pytest

from support.databases import database_url, opened
from support.workspace import ANNA, Street, Workspace
from volano.data.keeper import Datasets
from volano.monitor.drift import Drift

DAY = 86_400


DAYS = ["monday", "tuesday", "friday", "sunday"]


class Town:
    """A street with people who ask."""

    def __init__(self, workspace: Workspace):
        self.workspace = workspace
        self.street = Street(workspace)
        workspace.serve()
        self.random = random.Random(4)
        self.datasets = Datasets(workspace.catalog)
        self.drift = Drift(
            db=workspace.db, ledger=workspace.ledger, catalog=workspace.catalog,
            traces=self.street.traces, feedbacks=self.street.feedbacks, datasets=self.datasets,
            clock=workspace.clock,
        )  # fmt: skip

    def ask(
        self, n: int, *said: str, answer: str = "it is on its way", slow: int = 1, users: int = 0
    ):
        """Let n calls pass, of texts in turn, spread over an hour."""
        for at in range(n):
            text = said[at % len(said)].format(
                n=self.random.randrange(10**6), d=self.random.choice(DAYS)
            )
            now = self.workspace.clock.now_us()
            ask = {"messages": [{"role": "user", "content": text}]}
            reply = {
                "choices": [
                    {
                        "message": {"content": f"{answer} {self.random.choice(DAYS)}"},
                        "finish_reason": "stop",
                    }
                ]
            }
            took = slow * self.random.randrange(5_000, 9_000)
            self.street.call(
                "support", "stable", ended_us=now + took, began_us=now,
                unit=f"user-{self.random.randrange(users)}" if users else "",
                request=json.dumps(ask).encode(), response=json.dumps(reply).encode(),
            )  # fmt: skip
            self.workspace.clock.advance(3600 / n)
        self.street.recorder.drain()

    def pin(self, name: str = "support", **more):
        pinned = self.drift.pin(name, by=ANNA, **more)
        self.workspace.clock.advance(1)
        return pinned


@pytest.fixture
def town(request, tmp_path) -> Iterator[Town]:
    with database_url(getattr(request, "param", "sqlite"), tmp_path) as url, opened(url) as db:
        made = Town(Workspace(tmp_path, db))
        yield made
        made.street.close()
