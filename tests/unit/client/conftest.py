"""A door that reads spans, and this process's tracer set to it for the time of a test."""

from dataclasses import replace

import pytest

from simulators.door import Door
from volano.client.process import PROCESS, Setup
from volano.client.tracing.outbox import Room
from volano.client.tracing.tracer import Tracing

ROOM = Room(interval_s=0.0, first_pause_s=0.01)


@pytest.fixture
def door():
    with Door() as door:
        yield door


@pytest.fixture
def setup(door):
    """Return a function that sets the process's tracer; what a test set is undone."""

    def set_to(*, url=door.url, key="vk_test", room=ROOM, timeout_s=5.0, **how):
        PROCESS.configure(Setup(url, key, Tracing(**{"service": "shop"} | how), room, timeout_s))

    set_to()
    yield set_to
    PROCESS.configure(replace(Setup(), tracing=Tracing(on=False)))
