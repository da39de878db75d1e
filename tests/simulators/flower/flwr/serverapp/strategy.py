"""FedAvg: each round all sites train from the same weights; those are averaged by rows."""

import json
import os
from types import SimpleNamespace

from flwr.app import ArrayRecord, ConfigRecord, Context, Error, Message

TAKES = json.loads(os.environ.get("FLOWER_SITES_TAKE", "{}"))
"""How many seconds a site takes as if it did, by its number; who takes too long is left out, and so
is a message that is older than its own life."""


class FedAvg:
    def __init__(self, **settings):
        self.settings = settings

    def start(
        self, grid, initial_arrays, num_rounds, timeout=3600, train_config=None, evaluate_fn=None
    ):
        arrays = initial_arrays
        evaluate_fn(0, arrays)
        for number in range(1, num_rounds + 1):
            asked = ConfigRecord({**train_config, "server-round": number})
            messages = self.configure_train(number, arrays, asked, grid)
            replies = [
                self._ask(grid, site, message)
                for site, message in enumerate(messages)
                if TAKES.get(str(site), 0) < min(timeout, message.metadata.ttl)
            ]
            turned = number % grid.sites  # who answers first is another one each time
            arrays, _ = self.aggregate_train(number, replies[turned:] + replies[:turned])
            evaluate_fn(number, arrays)
        return SimpleNamespace(arrays=arrays)

    def configure_train(self, server_round, arrays, config, grid):
        return [Message({"arrays": arrays, "config": config}) for _ in range(grid.sites)]

    def aggregate_train(self, server_round, replies):
        good = [one.content for one in replies if not one.has_error()]
        rows = [one["metrics"]["num-examples"] for one in good]
        summed = ArrayRecord()
        for name in good[0]["arrays"]:
            parts = (
                one["arrays"][name] * (n / sum(rows)) for one, n in zip(good, rows, strict=True)
            )
            summed[name] = sum(parts)
        return summed, {}

    @staticmethod
    def _ask(grid, site, message):
        try:
            return grid.client.work(message, Context(site))
        except Exception as error:
            return Message(error=Error(str(error)))
