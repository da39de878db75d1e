"""An OpenAI-compatible upstream that does what the model's name says.

ok            answers plainly, or streams "Hello", " wörld", ... with usage
slow          waits 0.2 s first           stall         never answers
status-<n>    answers with an error object and this status
html          200 with a page             lie           content-length larger than the body
close         reads the request, closes without a byte
cut           streams two events, then closes; plain: half an answer
quiet-end     streams, ends cleanly, but without [DONE]
quiet-start   streams its role, then ends; error-start: its role, then an error
flaky-<n>     answers 503 with Retry-After: 0 n times, then as ok
error-event   streams one event, then an error event, then closes
bytes         streams one byte a write    crlf          events with CR LF
endless       streams until nobody listens
big           ten megabytes of events, as fast as they are taken
garbage       not HTTP                      headers       a megabyte of headers
held          waits for `release`, then as ok; held-<n> answers with this status then
limited-<n>   answers 429 with Retry-After: n
keyed         does what its key says: `authorization: Bearer status-401`
"""

import asyncio
import json
import threading
import time
from contextlib import suppress
from pathlib import Path

WORDS = ["Hello", " wörld", " 你好", " 🎡", "."]
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


class Upstream:
    """Runs in a thread. `seen` has every request: (head, body as JSON)."""

    def __init__(self, *, unix: Path | None = None, port: int = 0):
        self.seen: list[tuple[dict[str, str], dict]] = []
        self.raw: list[bytes] = []
        self.flaked: dict[str, int] = {}
        self.connections = 0
        self.open = 0
        self.gone = 0
        self.stalled = 0
        self._held: set[asyncio.Event] = set()
        self._unix = unix
        self.port = port
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(30)

    @property
    def url(self) -> str:
        return f"unix:{self._unix}" if self._unix else f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Die: listening socket and connections."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def held(self) -> int:
        """How many wait for `release`."""
        return len(self._held)

    def release(self) -> None:
        """Let those answer that wait now."""
        for event in list(self._held):
            self._loop.call_soon_threadsafe(event.set)

    def hang_up(self) -> None:
        """Close all connections, go on listening. Those that stall end when they wake."""

        def close() -> None:
            for writer in list(self._writers):
                writer.close()

        self._loop.call_soon_threadsafe(close)
        deadline = time.monotonic() + 30
        while self.open > self.stalled and time.monotonic() < deadline:
            time.sleep(0.005)

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        if self._unix:
            self._unix.unlink(missing_ok=True)
            server = await asyncio.start_unix_server(self._serve, self._unix)
        else:
            server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self._writers.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self.gone += 1
        finally:
            self.open -= 1
            self._writers.discard(writer)
            with suppress(Exception):
                writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:] if line)}
        headers[":path"] = lines[0]
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        body = json.loads(raw or b'{"model": "status-404"}')  # a GET: nothing else is here
        self.seen.append((headers, body))
        self.raw.append(raw)
        act = body["model"]
        if act == "keyed":
            act = headers["authorization"].removeprefix("Bearer ")
        name, _, number = act.partition("-")
        return await self._act(act, name, number, body, writer)

    async def _act(self, model, name, number, body, writer) -> bool:  # noqa: C901 - one act a branch
        if name == "slow":
            await asyncio.sleep(0.2)
        if name == "stall":
            self.stalled += 1
            try:
                await asyncio.sleep(60)
            finally:
                self.stalled -= 1
        if name == "held":
            await self._hold()
        if name == "close":
            return False
        if name == "garbage":
            writer.write(b"I am a teapot\r\n\r\n")
            return False
        if name == "headers":
            writer.write(b"HTTP/1.1 200 OK\r\n" + b"x-filler: %b\r\n" % (b"x" * 1000) * 1000)
            with suppress(OSError):
                await writer.drain()
            return False
        if name == "status" or (name == "held" and number):
            _plain(writer, {"error": {"message": "upstream says no", "type": "x"}}, int(number))
            return True
        if name == "limited":
            said = {"error": {"message": "too many", "type": "x"}}
            _plain(writer, said, 429, f"retry-after: {number}\r\n")
            return True
        if name == "flaky":
            self.flaked[model] = self.flaked.get(model, 0) + 1
            if self.flaked[model] <= int(number):
                _plain(writer, {"error": {"message": "in a moment", "type": "x"}}, 503)
                return True
            model = name = "ok"
        if name == "html":
            _raw(writer, b"<html>busy</html>", 200, "text/html")
            return True
        if body.get("stream"):
            return await self._stream(model, writer, body)
        answer = completion(model)
        if name == "cut":
            data = json.dumps(answer).encode()
            writer.write(_head(200, "application/json", len(data)) + data[:20])
            await writer.drain()
            return False
        if name == "lie":
            data = json.dumps(answer).encode()
            writer.write(_head(200, "application/json", len(data) + 50) + data)
            await writer.drain()
            return False
        if name == "llama":
            _raw(writer, compact({**answer, "timings": TIMINGS}), 200, "application/json")
        else:
            _plain(writer, answer, 200)
        await writer.drain()
        return True

    async def _hold(self) -> None:
        event = asyncio.Event()
        self._held.add(event)
        try:
            await event.wait()
        finally:
            self._held.discard(event)

    async def _stream(self, model, writer, body) -> bool:  # noqa: C901 - one act a branch
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        events = stream(model, usage=(body.get("stream_options") or {}).get("include_usage"))
        if model == "cut":
            events = events[:3]
        if model == "quiet-start":
            events = events[:1]
        if model == "error-start":
            events = [events[0], 'data: {"error":{"message":"out of memory"}}\n\n']
        if model == "quiet-end":
            events = events[:-1]
        if model == "error-event":
            events = [*events[:2], 'data: {"error":{"message":"out of memory"}}\n\n']
        if model == "crlf":
            events = [e.replace("\n", "\r\n") for e in events]
        if model == "big":
            events = [*events[:2], *(["".join(events[1:2] * 300)] * 200), *events[2:]]
        if model == "endless":
            while True:
                await _chunk(writer, events[1].encode())
                await asyncio.sleep(0.005)
        if model == "llama":
            last = {**json.loads(events[-2][6:]), "timings": TIMINGS}
            events[-2] = f"data: {compact(last).decode()}\n\n"
        for event in events:
            data = event.encode()
            pieces = [data[i : i + 1] for i in range(len(data))] if model == "bytes" else [data]
            for piece in pieces:
                await _chunk(writer, piece)
        if model in ("cut", "error-event"):
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


TIMINGS = {"cache_n": 5, "prompt_ms": 0.2, "predicted_per_second": 4360.46}
"""What llama.cpp adds, as its last field."""


def compact(value: dict) -> bytes:
    """JSON as llama.cpp writes it."""
    return json.dumps(value, separators=(",", ":")).encode()


def completion(model: str) -> dict:
    message = {"role": "assistant", "content": "".join(WORDS)}
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": USAGE,
    }  # fmt: skip


def stream(model: str, *, usage: bool = False) -> list[str]:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    deltas = [{"role": "assistant", "content": None}, *({"content": w} for w in WORDS), {}]
    rows = [
        {**base, "choices": [{"index": 0, "delta": d, "finish_reason": None if d else "stop"}]}
        for d in deltas
    ]
    if usage:
        rows.append({**base, "choices": [], "usage": USAGE})
    return [f"data: {json.dumps(r, ensure_ascii=False)}\n\n" for r in rows] + ["data: [DONE]\n\n"]


async def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))
    await writer.drain()


def _head(status: int, kind: str, length: int, more: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status} X\r\n{more}content-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


def _raw(writer: asyncio.StreamWriter, data: bytes, status: int, kind: str, more: str = "") -> None:
    writer.write(_head(status, kind, len(data), more) + data)


def _plain(writer: asyncio.StreamWriter, value: dict, status: int, more: str = "") -> None:
    _raw(writer, json.dumps(value).encode(), status, "application/json", more)
