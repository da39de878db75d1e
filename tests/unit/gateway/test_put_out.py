"""An engine that memory has no room for any more answers what it has before it ends; real engines."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from support.workspace import ANNA
from volano.core.digest import Digest
from volano.gateway import draining
from volano.gateway.engines import Engines, Sizes, answers
from volano.serving.hosting import guess
from volano.serving.line import engine_client
from volano.serving.spec import command as command_of
from volano.serving.supervisor import Command, Supervisor
from volano.serving.wanted import Wanted

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STREAMS = 10
"""They wait for the one slot of the engine that answers them."""
LIMIT_S = 240
ROW = {
    "messages": [{"role": "user", "content": "Where is my order?"}], "stream": True,
    "max_tokens": 200, "ignore_eos": True,
}  # fmt: skip


class House:
    """Engines as control wishes for them, and a supervisor that fulfils it, in one thread."""

    def __init__(self, desk, run, sizes):
        self.in_flight = {}
        self.engines = Engines(run, desk.models, sizes, in_flight=lambda: self.in_flight)
        self.wanted = Wanted(run / "engines.json")
        self.supervisor = Supervisor(run)

    def wish(self, models, calls):
        self.engines.wish(models, calls)
        self.turn()
        return {spec.name for spec in self.wanted.read()}

    def turn(self):
        specs = self.wanted.changed()
        if specs is not None:
            commands = [Command(f"engine-{s.name}", tuple(command_of(s)), grace_s=1) for s in specs]
            self.supervisor.want(commands, prefix="engine-")
        self.supervisor.tick()

    def until(self, holds):
        end = time.monotonic() + LIMIT_S
        while not holds():
            assert time.monotonic() < end
            self.turn()
            time.sleep(0.05)


@pytest.fixture(autouse=True)
def roomy(monkeypatch):
    """Whatever the machine has, there is memory."""
    monkeypatch.setattr(draining, "critical", lambda: False)


@pytest.fixture
def base(desk):
    return desk.models.builtin(by=ANNA)


@pytest.fixture
def other(desk, base, monkeypatch):
    """Another model, of the same bytes."""
    found = replace(base, digest=Digest.of(b"another"))
    file = Engines._file
    monkeypatch.setattr(
        Engines, "_file", lambda self, model: file(self, base if model is found else model)
    )
    return found


@pytest.fixture
def house(desk, base):
    run = desk.folder / "run"
    run.mkdir(exist_ok=True)
    (run / "scales.json").write_text(json.dumps({str(base.digest): 2}))
    sizes = Sizes(slots=1, most_replicas=2, queue=STREAMS)
    one = Engines(run, desk.models, sizes)
    one.wish([base])
    room = guess(Wanted(run / "engines.json").read()[0])
    made = House(desk, run, replace(sizes, max_bytes=2 * room))
    yield made
    made.supervisor.stop()


def streamed(spec):
    """Ask for a stream, and return its last words."""
    with engine_client(spec.address, timeout_s=LIMIT_S) as client:
        answer = client.post("/v1/chat/completions", json=ROW)
        assert answer.status_code == 200
        return answer.text.strip().rpartition("\n")[2]


def test_a_spare_one_ends_its_streams_before_it_goes_and_gets_no_more(
    house, base, other, monkeypatch
):
    monkeypatch.setattr(draining, "PRESSED_S", float(LIMIT_S))
    engines, calls = house.engines, {str(base.digest): 1, str(other.digest): 1}
    first, spare, second = base.digest.short, f"{base.digest.short}.2", other.digest.short
    assert house.wish([base], calls) == {first, spare}
    specs = {spec.name: spec for spec in house.wanted.read()}
    house.until(lambda: all(map(answers, specs.values())))
    assert [at.name for at in engines.targets(base)] == [first, spare]
    with ThreadPoolExecutor(STREAMS) as asking:
        streams = [asking.submit(streamed, specs[spare]) for _ in range(STREAMS)]
        house.in_flight[spare] = STREAMS
        house.until(lambda: draining.works(specs[spare]))
        assert house.wish([base, other], calls) == {first, spare}, "it works, and the other waits"
        assert [at.name for at in engines.targets(base)] == [first], "it is sent nothing more"
        assert engines.pressed()
        for one in streams:
            house.until(one.done)
            assert one.result() == "data: [DONE]"
            house.in_flight[spare] -= 1
            house.wish([base, other], calls)
    house.until(lambda: house.wish([base, other], calls) == {first, second})
    assert not engines.pressed()
    house.until(lambda: answers(engines.warm(other)[0]) if engines.warm(other) else False)


def test_one_whose_host_has_no_memory_left_goes_at_once(house, base, other, monkeypatch):
    engines, calls = house.engines, {str(base.digest): 1, str(other.digest): 1}
    first, spare, second = base.digest.short, f"{base.digest.short}.2", other.digest.short
    house.wish([base], calls)
    specs = {spec.name: spec for spec in house.wanted.read()}
    house.until(lambda: all(map(answers, specs.values())))
    monkeypatch.setattr(draining, "critical", lambda: True)
    assert house.wish([base, other], calls) == {first, second}
    assert not engines.pressed() and spare not in {at.name for at in engines.targets(base)}
