"""Requests as bytes, answers to the last one, and whether a worker has survived."""

from simulators.line import Line, ask, chat
from simulators.workers import KEY

MODELS = ask(b"", method="GET", path="/v1/models")
OK = ask(chat("ok"))
CHATS = "/v1/chat/completions"


def start(path=CHATS, *, version=b"1.1", method=b"POST", target=b""):
    """A head without its end, with a good key."""
    said = target or path.encode()
    return (
        b"%b %b HTTP/%b\r\nHost: 127.0.0.1:<port>\r\nAuthorization: Bearer %b\r\n"
        % (method, said, version, KEY.encode())
    )  # fmt: skip


def everything(line):
    """All that comes until the other side closes."""
    data = line.rest
    try:
        while piece := line.socket.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


def lives(gateway):
    """The same process answers the next client."""
    line = Line(gateway.port)
    assert line.send(OK).answer()[0] == 200
    line.close()
    assert [process.poll() for process in gateway.processes] == [None] * len(gateway.processes)
