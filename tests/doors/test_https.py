"""https from `volano up`: what it prints is what works, and a bad certificate is named at once."""

import http.client
import json
import re
import signal
import ssl
import subprocess
import sys
import time
from contextlib import closing

import pytest

from support.certificates import certificate

pytestmark = pytest.mark.slow


def command(home, *words):
    return [sys.executable, "-m", "volano.cli.main", "--home", str(home), *words]


def volano(home, *words):
    return subprocess.run(
        command(home, *words), capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def up(tmp_path):
    """(home, certificate, address as printed) of a platform that speaks https."""
    home = tmp_path / "home"
    home.mkdir()
    file, key = certificate(home, "shop")
    (home / "volano.toml").write_text(f'tls_certificate = "{file.name}"\ntls_key = "{key.name}"\n')
    log = tmp_path / "up.log"
    with log.open("wb") as out:
        running = subprocess.Popen(
            command(home, "up", "--port", "0"), stdout=out, stderr=out, start_new_session=True
        )
    try:
        until = time.monotonic() + 90
        while "Ready in" not in (text := log.read_text()):
            assert running.poll() is None, text
            assert time.monotonic() < until, text
            time.sleep(0.05)
        yield home, file, text
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(60)


def ask(port, file, method, path, body=None, **headers):
    context = ssl.create_default_context(cafile=file)
    connection = http.client.HTTPSConnection("localhost", port, timeout=30, context=context)
    with closing(connection):
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def test_up_serves_https_and_says_so(up):
    home, file, text = up
    port = int(re.search(r"gateway +https://127\.0\.0\.1:(\d+)/v1", text)[1])
    session = re.search(rf"console +https://127\.0\.0\.1:{port}/\?session=(\S+)", text)[1]
    key = re.search(r"key +(vk_\S+)", text)[1]
    asked = {"model": "ticket-router", "messages": [{"role": "user", "content": "Where is it?"}]}
    bearer = {"authorization": f"Bearer {key}"}
    status, _, body = ask(port, file, "POST", "/v1/chat/completions", json.dumps(asked), **bearer)
    assert status == 200, body
    status, headers, _ = ask(port, file, "GET", f"/?session={session}")
    assert status == 303
    assert "; secure" in headers["set-cookie"].lower()
    cookie = headers["set-cookie"].split(";")[0]
    assert ask(port, file, "GET", "/", cookie=cookie)[0] == 200
    ours = f"https://localhost:{port}"
    for origin, wanted in ((ours, 200), (ours.replace("https", "http"), 403)):
        assert ask(port, file, "GET", "/", cookie=cookie, origin=origin)[0] == wanted
    assert f"gateway          https://127.0.0.1:{port}/v1" in volano(home, "status").stdout
    assert json.loads(volano(home, "status", "--json").stdout)["holder"]["url"].startswith("https:")
    assert f"https://127.0.0.1:{port}" in volano(home, "doctor").stdout


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('tls_certificate = "none.pem"\ntls_key = "none.key"\n', "No such file"),
        ('tls_certificate = "volano.toml"\ntls_key = "volano.toml"\n', "cannot be used"),
        ('tls_certificate = "none.pem"\n', "`tls_key`"),
        ('tls_key = "none.key"\n', "`tls_certificate`"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_said_at_once(tmp_path, lines, said):
    (tmp_path / "volano.toml").write_text(lines)
    done = volano(tmp_path, "up", "--port", "0")
    assert done.returncode == 1
    error, hint = done.stderr.strip().splitlines()
    assert error.startswith("error: ")
    assert said in error + hint
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".volano").exists()
