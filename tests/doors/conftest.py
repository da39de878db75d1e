"""A real app behind its two doors, asked without a network."""

import asyncio
import json
from dataclasses import dataclass

import pytest

from volano.app import App
from volano.app import folder as folders
from volano.cli.demo import platform
from volano.settings import load
from volano.web.control import build


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The error object, which has these three texts and nothing else, whatever went wrong."""
        found = self.json
        assert set(found) == {"error"}
        assert set(found["error"]) == {"code", "message", "hint"}
        assert all(isinstance(text, str) for text in found["error"].values())
        assert found["error"]["code"]
        assert found["error"]["message"]
        return found["error"]


class Door:
    """Asks one door of an app as a server would: raw path, raw headers, body in chunks."""

    def __init__(self, app, name, **headers):
        self.app = app
        self.site = build(app, name)
        self.headers = {"host": f"127.0.0.1:{app.settings.port}", **headers}

    def with_(self, **headers):
        made = Door.__new__(Door)
        made.app, made.site = self.app, self.site
        made.headers = {**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}
        return made

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, body=b""):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return self.ask("POST", path, body)

    def ask(self, method, path, body=b"", *, chunks=1):
        path, _, query = path.partition("?")
        size = -(-len(body) // chunks) or 1
        parts = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
        given = [
            {"type": "http.request", "body": part, "more_body": n < len(parts) - 1}
            for n, part in enumerate(parts)
        ]
        sent = []

        async def receive():
            return given.pop(0) if given else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": path, "raw_path": path.encode(), "root_path": "",
            "query_string": query.encode(), "client": None, "server": None, "state": {},
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in self.headers.items()
                        if v is not None],
        }  # fmt: skip
        asyncio.run(self.site(scope, receive, send))
        [start] = [m for m in sent if m["type"] == "http.response.start"]
        headers = {k.decode(): v.decode() for k, v in start["headers"]}
        return Answer(start["status"], headers, b"".join(m.get("body", b"") for m in sent))


@pytest.fixture(scope="session", autouse=True)
def ports():
    """A platform of a test takes a port that nobody else has in mind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platform, "PREFERRED_PORT", 0)
        yield


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """A workspace as `volano init` leaves it."""
    settings = load(tmp_path_factory.mktemp("home"))
    folders.make(settings)
    with App(settings) as made:
        made.furnish()
        yield made


@pytest.fixture
def local(app):
    """The door of the folder's owner."""
    return Door(app, "local")


@pytest.fixture
def relay(app):
    """The door that the whole machine, and every web page on it, can knock at."""
    return Door(app, "relay")


@pytest.fixture
def console(relay, app):
    """The relay door with the console's session."""
    return relay.with_(cookie=f"volano_session={app.session_token}")
