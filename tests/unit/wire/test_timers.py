import asyncio

import uvloop

from volano.wire.timers import GONE, NEVER, Wheel


class Thing:
    def __init__(self, deadline):
        self.deadline = deadline
        self.times = 0

    def expired(self):
        self.times += 1
        self.deadline = GONE


def test_deadlines_pass_when_they_should_and_may_be_moved():
    async def story():
        loop = asyncio.get_running_loop()
        wheel = Wheel(loop)
        soon, never, moved, gone = (Thing(loop.time() + s) for s in (0.15, 0, 0.15, 0.15))
        never.deadline = NEVER
        for thing in (soon, never, moved, gone):
            wheel.watch(thing)
        moved.deadline = loop.time() + 60
        gone.deadline = GONE
        while not soon.times:
            await asyncio.sleep(0.02)
        assert (soon.times, never.times, moved.times, gone.times) == (1, 0, 0, 0)
        moved.deadline = loop.time()  # brought forward: seen within a round
        while not moved.times:
            await asyncio.sleep(0.05)
        wheel.close()

    uvloop.run(asyncio.wait_for(story(), 10))


def test_a_failing_handler_does_not_stop_the_wheel():
    async def story():
        loop = asyncio.get_running_loop()
        wheel = Wheel(loop)
        bad, good = Thing(loop.time()), Thing(loop.time() + 0.2)
        bad.expired = lambda: 1 / 0
        wheel.watch(bad)
        wheel.watch(good)
        while not good.times:
            await asyncio.sleep(0.02)
        assert bad.deadline == GONE
        wheel.close()

    uvloop.run(asyncio.wait_for(story(), 10))
