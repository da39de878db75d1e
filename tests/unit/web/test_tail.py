"""Following over HTTP: each row once, and the cursor behind it."""

import asyncio
import json
from types import SimpleNamespace

from volano.traces.found import Page
from volano.web.api.tail import _events


class Listener:
    """A client that goes away after some looks."""

    def __init__(self, traces, looks):
        self.app = SimpleNamespace(state=SimpleNamespace(app=SimpleNamespace(traces=traces)))
        self._left = looks

    async def is_disconnected(self):
        self._left -= 1
        return self._left < 0


class Traces:
    def __init__(self):
        self.asked = []

    def tail(self, *, where, after):
        self.asked.append((where, after))
        return Page(({"id": "b"},), "2-0")


def test_rows_come_with_the_cursor_to_go_on_from():
    traces = Traces()

    async def follow():
        first = Page(({"id": "a"},), "1-0")
        return [part async for part in _events(Listener(traces, 1), "failed = true", first)]

    said = asyncio.run(follow())
    assert said[0] == said[2] == 'id: 1-0\nevent: at\ndata: "1-0"\n\n'
    rows = [json.loads(part.split("data: ")[1]) for part in said if part.startswith("event: trace")]
    assert rows == [{"id": "a"}, {"id": "b"}]
    assert said[-1].startswith("id: 2-0")
    assert traces.asked == [("failed = true", "1-0")]
