"""Raw requests and answers: a client that can misbehave."""

import json
import socket

from simulators.workers import KEY

HERE = "127.0.0.1:<port>"
"""Stands for the gateway's own name in a request; `Line.send` puts the port in."""


def ask(body: bytes | dict, *headers: str, key: str | None = KEY,
        method: str = "POST", path: str = "/v1/chat/completions") -> bytes:  # fmt: skip
    """A request as bytes."""
    data = json.dumps(body, ensure_ascii=False).encode() if isinstance(body, dict) else body
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HERE}", *headers]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    if data:
        lines.append(f"Content-Length: {len(data)}")
    return "\r\n".join([*lines, "", ""]).encode() + data


class Line:
    """A raw connection that reads HTTP answers."""

    def __init__(self, port: int, receive_buffer: int = 0):
        self.port = port
        self.socket = socket.socket()
        self.socket.settimeout(30)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self.rest = b""

    def send(self, data: bytes) -> "Line":
        self.socket.sendall(data.replace(HERE.encode(), b"127.0.0.1:%d" % self.port))
        return self

    def _more(self) -> bool:
        data = self.socket.recv(65536)
        self.rest += data
        return bool(data)

    def until(self, mark: bytes) -> bytes:
        while mark not in self.rest:
            if not self._more():
                raise EOFError(self.rest)
        found, _, self.rest = self.rest.partition(mark)
        return found + mark

    def exactly(self, count: int) -> bytes:
        while len(self.rest) < count:
            if not self._more():
                raise EOFError(self.rest)
        found, self.rest = self.rest[:count], self.rest[count:]
        return found

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """(status, headers, body) of the next answer; interim answers are passed over."""
        head = self.until(b"\r\n\r\n").decode()
        first, *lines = head.strip().split("\r\n")
        status = int(first.split()[1])
        if status == 100:
            return self.answer()
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self.until(b"\r\n"), 16):
                body += self.exactly(size)
                self.until(b"\r\n")
            self.until(b"\r\n")
            return status, headers, body
        return status, headers, self.exactly(int(headers.get("content-length", 0)))

    def closed(self) -> bool:
        """Whether the other side closes now, without another byte."""
        try:
            return not self._more() and not self.rest
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self.socket.close()


def chat(model: str, **more) -> dict:
    return {
        "model": model,
        "messages": [{"role": "user", "content": "Hol a csomagom? 你好"}],
        **more,
    }


def call_of(gateway, trace: str):
    """The one call frame with this trace id."""
    found = [frame for frame in gateway.frames() if frame.id == trace]
    assert len(found) == 1
    return found[0]
