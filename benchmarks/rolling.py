"""What the benchmarks of real rollouts share: a mock provider, users who come, a channel to move.

The provider and the users run in threads of their own, each with its own loop. The provider
notes when each call for a model arrived (wall clock, as the events of rollouts are dated). Users
are sticky: a call is of one of so many users, drawn by chance, and comes at its time whether or
not the answers before it are there (open loop). Loopback only.
"""

import asyncio
import json
import os
import random
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any, TypeVar

from asking import platform

from volano.cli.demo.platform import Platform

T = TypeVar("T")
CHANNEL = "support"
CONNECTIONS = 32
SAY_AT_ONCE = 8
"""Judgements under way: more would only stand before control, which has a rollout to move."""
TRIES = 200
PAUSE_S = 0.1


class Looped(threading.Thread):
    """A thread with a loop of its own, until `stop`."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.loop = asyncio.new_event_loop()
        self.start()

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do this in the loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(120)

    def stop(self) -> None:
        """Let all that still runs go."""
        self.do(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.join(10)

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Provider(Looped):
    """An OpenAI-compatible server: `errors` and `poor` say in how many answers of a model, by its name.

    `arrived` has the wall time (microseconds) of each call for a model, `good-1` and the like.
    """

    def __init__(
        self, *, errors: dict[str, float] | None = None, poor: dict[str, float] | None = None
    ):
        self.errors, self.poor = errors or {}, poor or {}
        self.arrived: dict[str, list[int]] = {}
        self._random = random.Random(1)
        super().__init__()
        self.port: int = self.do(self._listen())

    async def _listen(self) -> int:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                body = await _message(reader)
                model = json.loads(body)["model"]
                self.arrived.setdefault(model, []).append(time.time_ns() // 1000)
                writer.write(self._answer(model))
                await writer.drain()
        writer.close()

    def _answer(self, model: str) -> bytes:
        if self._random.random() < self.errors.get(model, 0):
            return _response(500, {"error": {"message": "out of memory", "type": "server_error"}})
        word = "poor" if self._random.random() < self.poor.get(model, 0) else "good"
        message = {"role": "assistant", "content": word}
        return _response(200, {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8},
        })  # fmt: skip


@dataclass
class Told:
    """What a user got: wall times in seconds, status (0: nothing), release, trace and words."""

    user: str
    began: float
    ended: float
    status: int
    release: str = ""
    trace: str = ""
    text: str = ""


@dataclass(eq=False)
class Users(Looped):
    """Call at `rate` a second, or after such `gaps`; of a part (`judged`) they say how it was.

    `rows` are what they ask, each with the answer that is right. What they say of an answer is
    said again until it is taken, with an id of its own: control may be away.
    """

    port: int
    key: str
    rate: float
    users: int = 2000
    judged: float = 0.0
    seed: int = 0
    channel: str = CHANNEL
    rows: Iterator[tuple[str, str]] = field(default_factory=lambda: repeat(("Hello?", "good")))
    gaps: Iterator[float] | None = None
    told: list[Told] = field(default_factory=list)
    unsaid: int = 0

    def __post_init__(self) -> None:
        self._open = asyncio.Event()
        self._under_way = 0
        self._saying = asyncio.Semaphore(SAY_AT_ONCE)
        self._random = random.Random(self.seed)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        super().__init__()
        asyncio.run_coroutine_threadsafe(self._come(), self.loop)

    def begin(self) -> None:
        """Call from now on."""
        self.loop.call_soon_threadsafe(self._open.set)

    def pause(self) -> None:
        """Begin no more calls; return when all are answered and all is said."""
        self.loop.call_soon_threadsafe(self._open.clear)
        until = time.monotonic() + 60
        time.sleep(0.02)
        while self._under_way or self.unsaid:
            if time.monotonic() > until:
                raise SystemExit(f"{self._under_way} calls and {self.unsaid} judgements hang")
            time.sleep(0.01)

    async def _come(self) -> None:
        next_s = time.monotonic()
        while True:
            if not self._open.is_set():
                await self._open.wait()
                next_s = time.monotonic()
            next_s += next(self.gaps) if self.gaps else self._random.expovariate(self.rate)
            await asyncio.sleep(max(0.0, next_s - time.monotonic()))
            user = f"user-{self._random.randrange(self.users)}"
            self._under_way += 1
            task = asyncio.create_task(self._call(user))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _call(self, user: str) -> None:
        question, right = next(self.rows)
        messages = [{"role": "user", "content": question}]
        body = {"model": self.channel, "user": user, "messages": messages}
        began = time.time()
        try:
            status, headers, raw = await self._post("/v1/chat/completions", body)
            said = json.loads(raw)
            text = said["choices"][0]["message"]["content"] if status == 200 else raw.decode()
            told = Told(user, began, time.time(), status, headers.get("x-volano-release", ""),
                        headers.get("x-volano-trace", ""), text)  # fmt: skip
        except (OSError, EOFError) as error:
            told = Told(user, began, time.time(), 0, text=repr(error))
        self.told.append(told)
        judges = told.status == 200 and self._random.random() < self.judged
        self.unsaid += judges
        self._under_way -= 1
        if judges:
            async with self._saying:
                await self._judge(told, told.text.strip() == right)
            self.unsaid -= 1

    async def _judge(self, told: Told, right: bool) -> None:
        body = {"value": float(right), "feedback_id": str(uuid.uuid4())}
        for _ in range(TRIES):
            with suppress(OSError, EOFError):
                status, _, _ = await self._post(f"/api/v1/traces/{told.trace}/feedback", body)
                if status == 200:
                    return
            await asyncio.sleep(PAUSE_S)
        raise SystemExit("feedback was never taken")

    def _kept(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Take a connection that is open still: one that rested long the other side has closed."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return None

    async def _post(self, path: str, body: Any) -> tuple[int, dict[str, str], bytes]:
        """Ask by a connection of its own among few that are kept."""
        reader, writer = self._kept() or await asyncio.open_connection("127.0.0.1", self.port)
        data = json.dumps(body).encode()
        head = (f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\nauthorization: Bearer {self.key}\r\n"
                f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n")  # fmt: skip
        try:
            writer.write(head.encode() + data)
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(_pair(line) for line in lines[1:] if line)
            raw = await reader.readexactly(int(headers["content-length"]))
        except BaseException:
            writer.close()
            raise
        if len(self._idle) < CONNECTIONS and headers.get("connection") != "close":
            self._idle.append((reader, writer))
        else:
            writer.close()
        return int(lines[0].split(" ")[1]), headers, raw


@contextmanager
def moving(folder: Path, provider: Provider, *, workers: int) -> Iterator[tuple[Platform, str]]:
    """Run `volano up` with so many workers, in front of this provider; give it and a key."""
    os.environ["VOLANO_WORKERS"] = str(workers)
    with platform(folder) as (running, key):
        url = f"http://127.0.0.1:{provider.port}/v1"
        running.say("POST", "/targets/mock/add", provider="compatible", url=url, plain_http=True)
        yield running, key


def cut(running: Platform, model: str) -> str:
    """Make a release that asks the provider for this model; return its ref."""
    name = model.split("-")[0]
    made = running.say("POST", f"/models/{name}/add", at=[f"mock:{model}"])
    flow = running.say("POST", f"/flows/{name}/compose", model=made["ref"])
    return str(running.say("POST", f"/releases/{CHANNEL}/cut", flow=flow["ref"])["ref"])


def promote(running: Platform, ref: str, **how: Any) -> str:
    """Begin to move the channel to a release; return the rollout's id."""
    return str(running.say("POST", f"/releases/{ref}/promote", channel=CHANNEL, **how)["id"])


def wait_for(what: str, holds: Callable[[], T], within_s: float = 60.0) -> T:
    """Return what it gives as soon as that is something."""
    until = time.monotonic() + within_s
    while not (found := holds()):
        if time.monotonic() > until:
            raise SystemExit(f"not within {within_s:.0f} s: {what}")
        time.sleep(0.01)
    return found


def rollout_of(running: Platform, rollout: str) -> dict[str, Any]:
    """Return a rollout as it is now."""
    found: dict[str, Any] = running.say("GET", f"/rollouts/{rollout}")
    return found


def events_of(running: Platform, rollout: str) -> list[dict[str, Any]]:
    """Return what happened to a rollout, in order."""
    found: list[dict[str, Any]] = running.say("GET", f"/rollouts/{rollout}/events")
    return found


async def _message(reader: asyncio.StreamReader) -> bytes:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(_pair(line) for line in lines[1:] if line)
    return await reader.readexactly(int(headers.get("content-length", 0)))


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


def _response(status: int, content: dict[str, Any]) -> bytes:
    data = json.dumps(content).encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    return head.encode() + data
