import http.server
import threading
from dataclasses import dataclass, field

import pytest

from volano.data.sources import open_source


@dataclass
class Heard:
    """What a source said when it was read to its end."""

    rows: list = field(default_factory=list)
    aside: list = field(default_factory=list)
    source: object = None

    @property
    def reasons(self):
        return [one.reason for one in self.aside]

    @property
    def texts(self):
        return [row.get("text") for row in self.rows]

    def about(self, reason):
        return next(one for one in self.aside if one.reason == reason)


@pytest.fixture
def folder(tmp_path):
    """A recipe's folder, with a function that puts a file into it."""

    def put(name, content):
        path = tmp_path / "recipe" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    put.root = tmp_path / "recipe"
    put.root.mkdir()
    return put


@pytest.fixture
def hear(folder):
    def read(spec, state=None):
        source = open_source(spec, state=state, root=folder.root)
        heard = Heard(source=source)
        heard.rows = list(source.rows(heard.aside.append))
        return heard

    return read


class Site(http.server.ThreadingHTTPServer):
    """A server of pages; it remembers what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.pages, self.asked = {}, []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def put(self, path, body, kind="text/html", status=200, **headers):
        content = body if isinstance(body, bytes) else body.encode()
        self.pages[path] = (status, content, {"Content-Type": kind, **headers})

    def paths(self):
        return [path for path, _ in self.asked if path != "/robots.txt"]


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        status, body, headers = self.server.pages.get(self.path, (404, b"", {}))
        etag = headers.get("ETag")
        if etag and self.headers.get("If-None-Match") == etag:
            status, body = 304, b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
