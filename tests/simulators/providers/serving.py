"""Serve a simulated provider on a loopback socket, with stalls and cuts.

A provider is a function

    answer(path, headers, body, act) -> (status, headers, chunks)

`path`     as it came on the request line, query included
`headers`  names in lower case; `:method` is there too
`act`      what the provider shall do now (see below)
chunks     either `bytes`: sent whole, with content-length;
           or an iterable: sent with chunked transfer-encoding, one chunk for each `bytes`,
           where a number waits so many seconds, `STALL` waits for ever and `CUT` closes the
           connection without the end of the body

In a thread of its own:

    with Provider(gemini.answer) as provider:
        provider.act = "ok"                       # what it does by default
        provider.script("status-429", "ok")       # what it does first: one act a request
        ...  provider.url, provider.seen

Acts that every provider has: ok, tools, status-<n>, error (in mid-stream), stall, cut.
`act_number("status-429")` is 429.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple

STALL = "stall"
CUT = "cut"

Chunks = bytes | Iterable[bytes | float | str]
Answer = Callable[[str, dict[str, str], bytes, str], tuple[int, dict[str, str], Chunks]]


def act_number(act: str) -> int:
    """The number in `status-429`; 0 where there is none."""
    _, _, number = act.partition("-")
    return int(number) if number.isdigit() else 0


class Seen(NamedTuple):
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


class Provider:
    """Runs in a thread until `stop`. `seen` has every request, `gone` counts broken ones."""

    def __init__(self, answer: Answer, *, act: str = "ok", piece: int = 0):
        self.act = act
        self.piece = piece  # > 0: write bodies so many bytes at a time
        self.seen: list[Seen] = []
        self.connections = self.gone = self.port = 0
        self._answer = answer
        self._acts: list[str] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def script(self, *acts: str) -> None:
        """Do these first, one a request, before `act`."""
        self._acts += acts

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def __enter__(self) -> "Provider":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
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
        self._writers.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except asyncio.IncompleteReadError as error:
            self.gone += bool(error.partial)
        except ConnectionError:
            self.gone += 1
        except asyncio.CancelledError:
            pass  # `stop` ends a stall
        finally:
            self._writers.discard(writer)
            with suppress(Exception):
                writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, path, _ = first.split(" ")
        headers = {":method": method}
        headers |= {k.lower(): v.strip() for k, _, v in (x.partition(":") for x in lines if x)}
        body = await _read_body(reader, headers)
        self.seen.append(Seen(path, headers, body))
        act = self._acts.pop(0) if self._acts else self.act
        status, out, chunks = self._answer(path, headers, body, act)
        return await self._write(writer, status, out, chunks)

    async def _write(
        self, writer: asyncio.StreamWriter, status: int, headers: dict[str, str], chunks: Chunks
    ) -> bool:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if isinstance(chunks, bytes):
            head = f"HTTP/1.1 {status} X\r\n{lines}content-length: {len(chunks)}\r\n\r\n"
            writer.write(head.encode())
            await self._pieces(writer, chunks)
            return True
        writer.write(f"HTTP/1.1 {status} X\r\n{lines}transfer-encoding: chunked\r\n\r\n".encode())
        for chunk in chunks:
            if chunk == CUT:
                return False
            if chunk == STALL:
                await self._stop.wait()
                return False
            if isinstance(chunk, bytes):
                await self._pieces(writer, b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunk else b"")
            else:
                await asyncio.sleep(float(chunk))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _pieces(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        size = self.piece or len(data) or 1
        for at in range(0, len(data), size):
            writer.write(data[at : at + size])
            await writer.drain()


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body
