"""An upstream that counts what it was asked, in a process-cheap way: any number of questions, few words."""

import asyncio
import json
import threading
from collections import Counter

BODY = json.dumps(
    {
        "choices": [{"message": {"content": "да 是"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    },
    ensure_ascii=False,
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(BODY), BODY,
)  # fmt: skip


class Counting:
    """Answers after `pause_s`; `asked` counts each last message.

    `say` gives status and words for a message; what is no 200 is an error with these words.
    """

    def __init__(self, pause_s: float = 0.002, say=None):
        self._say = say
        self.asked: Counter[str] = Counter()
        self._pause_s = pause_s
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._thread.start()
        assert self._ready.wait(30)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    async def _main(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()

    def answer(self, connection: "_Connection", body: bytes) -> None:
        text = json.loads(body)["messages"][-1]["content"]
        self.asked[text] += 1
        said = ANSWER if self._say is None else _answer(*self._say(text))
        self._loop.call_later(self._pause_s, connection.send, said)


class _Connection(asyncio.Protocol):
    """One kept connection with one request at a time."""

    def __init__(self, server: Counting):
        self._server = server
        self._buffer = b""

    def connection_made(self, transport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        if len(body) >= length:
            self._buffer = body[length:]
            self._server.answer(self, body[:length])

    def send(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


def _answer(status: int, words: str) -> bytes:
    choice = {"message": {"content": words}, "finish_reason": "stop"}
    value = {"choices": [choice]} if status == 200 else {"error": {"message": words}}
    body = json.dumps(value).encode()
    return b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        status, len(body), body,
    )  # fmt: skip
