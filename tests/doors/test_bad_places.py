"""Bad folders, taken ports, exposed keys, damaged bytes, full spools: said clearly, nothing lost."""

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from simulators.upstream import Upstream
from volano.cli import talk, up
from volano.cli.demo.platform import STOPS_WITHIN_S, Platform
from volano.gateway.state import Limits
from volano.traces.keeper import Traces

pytestmark = pytest.mark.slow

QUESTION = "Hey, Falcon order #3312 has not been delivered. No rush."


def start(home, *words, **environment):
    """Start a command of volano in a folder."""
    command = [sys.executable, "-m", "volano.cli.main", "--home", str(home), *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **environment}, start_new_session=True,
        preexec_fn=_heeds_ctrl_c,
    )  # fmt: skip


def _heeds_ctrl_c():
    """A job in the background of a script is begun deaf to it, and so are its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def volano(home, *words, **environment):
    """Run a command to its end: (exit code, what it printed, what it told)."""
    process = start(home, *words, **environment)
    try:
        out, told = process.communicate(timeout=90)
    finally:
        process.kill()
    return process.returncode, out, told


def refused(home, *words, **environment):
    """Run a command that must fail in two lines; return them as one text."""
    code, out, told = volano(home, *words, **environment)
    lines = [line for line in told.strip().splitlines() if line]
    assert code == 1, (out, told)
    assert [line[:5] for line in lines[-2:]] == ["error", "hint:"], told
    assert "Traceback" not in told
    return "\n".join(lines[-2:])


def chat(platform, key, content=QUESTION, **fields):
    """(status, headers, body) of a plain call."""
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=60)
    messages = [{"role": "user", "content": content}]
    body = json.dumps({"model": "ticket-router", "messages": messages, **fields})
    with closing(connection):
        connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {key}"})
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def wait_for(what, holds, within_s=60.0):
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if found := holds():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s: {what}")


def alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def descendants(pid):
    """All processes below this one."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            child = int(entry.parent.name)
            found += [child, *descendants(child)]
    return found


@pytest.fixture
def platform(tmp_path):
    with Platform(tmp_path / "work") as running:
        yield running


@pytest.fixture
def key(platform):
    return platform.say("POST", "/keys", name="test", scopes=["chat:*", "feedback"])["text"]


@pytest.fixture(scope="module")
def upstream():
    made = Upstream()
    yield made
    made.stop()


def open_channel(platform, upstream, act):
    platform.say("POST", f"/models/{act}/add", url=upstream.url, model=act)
    flow = platform.say("POST", f"/flows/{act}/compose", model=act)
    release = platform.say("POST", f"/releases/{act}/cut", flow=flow["ref"])
    platform.say("POST", f"/releases/{release['ref']}/promote", channel=act, plan="100%")
    wait_for("it arrives", lambda: not platform.say("GET", f"/channels/{act}")["rollout_id"])


# where and how to start


def test_a_taken_port_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port}" in refused(tmp_path, "up", "--port", str(port))


def test_folders_that_cannot_be_used_are_named(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / ".volano").write_text("x")
    for words in (("up",), ("init",)):
        assert "cannot be made" in refused(home, *words)
    assert "cannot be made" in refused("/proc/nowhere", "up")
    assert "no volano workspace" in refused(tmp_path / "empty", "key", "list")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"port = \xff", "volano.toml"), (b"nope = 1", "nope"), (b"[x]\ny = 1", "x"), (b"=", "volano.toml"),
     (b"port = true", "port"), (b"max_body_bytes = -1", "max_body_bytes"),
     (b"spool_max_bytes = 5", "spool_max_bytes"), (b'host = "0.0.0.0"', "0.0.0.0")],
)  # fmt: skip
def test_settings_that_make_no_sense_are_named(tmp_path, content, said):
    (tmp_path / "volano.toml").write_bytes(content)
    for words in (("up",), ("key", "list")):
        assert said in refused(tmp_path, *words)


def test_a_key_file_that_others_may_read_is_not_used(tmp_path):
    volano(tmp_path, "key", "create", "x")
    assert volano(tmp_path, "init")[0] == 0
    assert volano(tmp_path, "key", "create", "x")[0] == 0
    secret = tmp_path / ".volano/keys/hmac.key"
    secret.chmod(0o644)
    for words in (("key", "list"), ("up", "--port", "0")):
        said = refused(tmp_path, *words)
        assert f"chmod 600 {secret}" in said
        assert "did not become ready" not in said, "what cannot start is not waited for"
    secret.chmod(0o600)
    assert volano(tmp_path, "key", "list")[0] == 0


def test_a_damaged_catalog_is_named(tmp_path):
    assert volano(tmp_path, "init")[0] == 0
    (tmp_path / ".volano/catalog.db").write_bytes(b"garbage" * 1000)
    for words in (("key", "list"), ("up", "--port", "0")):
        assert "damaged" in refused(tmp_path, *words)


def test_a_deep_folder_works(tmp_path):
    home = tmp_path / ("d" * 100) / ("é" * 60)
    with Platform(home) as platform:
        assert len(os.fsencode(home)) > 107
        key = platform.say("POST", "/keys", name="x")["text"]
        assert chat(platform, key)[0] == 200
        assert volano(home, "status")[0] == 0


def test_two_commands_at_once_without_up(tmp_path):
    assert volano(tmp_path, "init")[0] == 0
    both = [start(tmp_path, "data", "generate", "rows", "--n", "300", "--seed", str(seed))
            for seed in (1, 2)]  # fmt: skip
    done = [(*process.communicate(timeout=90), process.returncode) for process in both]
    went_well = [out for out, _, code in done if code == 0]
    for _, told, code in done:
        assert code == 0 or "holds" in told
        assert "Traceback" not in told
    assert went_well
    listed = json.loads(volano(tmp_path, "data", "list", "--json")[1])
    assert len(listed) == len(went_well)


def test_an_engine_that_cannot_start_does_not_keep_its_owner_out(tmp_path):
    home = tmp_path / "work"
    with Platform(home) as platform:
        engine = next(n for n in platform.processes() if n.startswith("engine-"))
    in_the_way = home / ".volano/run" / f"{engine}.sock"
    in_the_way.mkdir()
    (in_the_way / "x").touch()
    (home / "up.log").unlink()
    again = start(home, "up", "--port", str(platform.port))
    try:
        told = ""
        while "Ready" not in told:
            line = again.stdout.readline()
            assert line, again.stderr.read()
            told += line
        assert "waiting for ticket-router@1" in told
        assert volano(home, "release", "list")[0] == 0
        key = platform.say("POST", "/keys", name="x")["text"]
        status, _, body = chat(platform, key)
        assert status in (502, 503)
        assert json.loads(body)["error"]["message"]
    finally:
        again.send_signal(signal.SIGINT)
        again.communicate(timeout=60)


# ends


def test_sigterm_in_traffic_loses_no_answer_and_finishes_streams(tmp_path):
    answered, failed = [], []
    stop = threading.Event()
    with Platform(tmp_path / "work") as platform:
        key = platform.say("POST", "/keys", name="test")["text"]

        def ask(stream):
            while not stop.is_set():
                try:
                    status, headers, raw = chat(platform, key, stream=stream)
                except (OSError, http.client.HTTPException):
                    failed.append(time.monotonic())
                    time.sleep(0.02)
                    continue
                assert status in (200, 503), raw
                if status == 200:
                    assert not stream or raw.rstrip().endswith(b"data: [DONE]"), raw
                    answered.append(headers["x-volano-trace"])

        threads = [threading.Thread(target=ask, args=(n % 2 == 1,)) for n in range(4)]
        for thread in threads:
            thread.start()
        wait_for("traffic", lambda: len(answered) > 200)
        pid = json.loads(platform.settings.path("run", "state.json").read_text())["pid"]
        children = descendants(pid)
        os.kill(pid, signal.SIGTERM)
        wait_for("it has ended", lambda: not alive(pid), 60)
        stop.set()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
    assert not [child for child in children if alive(child)]
    traces = Traces(platform.settings.path("records", "hot.db"))
    assert set(answered) <= set(traces.by_ids(answered))
    assert not list(platform.settings.path("spool").glob("*.seg"))


def test_a_stream_outlives_a_long_drain_only_as_a_cut_one(platform, upstream, key):
    """The worker ends by itself, before the supervisor would kill it."""
    assert Limits().drain_s + 2 < up.WORKER_GRACE_S
    open_channel(platform, upstream, "endless")
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=60)
    body = {"model": "endless", "stream": True, "messages": [{"role": "user", "content": "x"}]}
    with closing(connection):
        connection.request("POST", "/v1/chat/completions", json.dumps(body),
                           {"authorization": f"Bearer {key}"})  # fmt: skip
        response = connection.getresponse()
        trace = response.headers["x-volano-trace"]
        os.kill(platform.processes()["worker-0"], signal.SIGTERM)
        raw = response.read()
    assert b"[DONE]" not in raw
    assert b"the gateway was stopped" in raw[-300:]
    traces = Traces(platform.settings.path("records", "hot.db"))
    found = wait_for("the trace", lambda: traces.by_ids([trace]).get(trace))
    assert (found.outcome, found.error) == ("cut", "the gateway was stopped")
    assert found.output_text


def test_an_open_console_does_not_hold_up_the_end(tmp_path):
    with Platform(tmp_path / "work") as platform:
        session = platform.say("GET", "/status")["session"]
        connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=60)
        connection.request("GET", "/loop/events", headers={"cookie": f"volano_session={session}"})
        response = connection.getresponse()
        assert response.read1(100)
        pid = json.loads(platform.settings.path("run", "state.json").read_text())["pid"]
        os.kill(pid, signal.SIGINT)
        wait_for("it has ended", lambda: not alive(pid), 8)
        connection.close()


def test_ctrl_c_in_the_demo_leaves_no_process_behind(tmp_path):
    demo = start(tmp_path, "demo", "--folder", str(tmp_path / "demo"))
    state = tmp_path / "demo/.volano/run/state.json"
    jobs = tmp_path / "demo/.volano/jobs"
    try:
        wait_for("training", lambda: list(jobs.glob("**/progress.jsonl")), 90)
        supervisor = json.loads(state.read_text())["pid"]
        below = descendants(demo.pid)
        assert supervisor in below
        assert len(below) > 5
        demo.send_signal(signal.SIGINT)
        demo.wait(STOPS_WITHIN_S + 15)  # then it kills what it started
        assert demo.returncode == 130
        wait_for("nothing is left", lambda: not [pid for pid in below if alive(pid)], 15)
        assert "Traceback" not in demo.stderr.read()
    finally:
        demo.kill()
        demo.communicate()


# a full spool


def test_a_full_spool_refuses_and_goes_on_when_there_is_room(tmp_path, monkeypatch):
    monkeypatch.setenv("VOLANO_SPOOL_MAX_BYTES", str(1 << 20))
    with Platform(tmp_path / "work") as platform:
        key = platform.say("POST", "/keys", name="test", scopes=["chat:*", "feedback"])["text"]
        recorder = platform.processes()["recorder"]
        os.kill(recorder, signal.SIGSTOP)
        answered = []
        try:
            for _ in range(40):
                status, headers, body = chat(platform, key, metadata={"x": "y" * 100_000})
                if status != 200:
                    break
                answered.append(headers["x-volano-trace"])
            assert status == 503
            assert json.loads(body)["error"]["code"] == "spool_full"
            assert headers["retry-after"]
            assert 3 <= len(answered) <= 11
            assert chat(platform, key)[0] == 503
            with pytest.raises(talk.RemoteError) as told:
                for _ in range(30):
                    platform.say("POST", "/traces/" + "a" * 32 + "/feedback", comment="c" * 60_000)
            assert told.value.status == 503
            assert told.value.code == "spool_full"
        finally:
            os.kill(recorder, signal.SIGCONT)
        wait_for("calls are taken again", lambda: chat(platform, key)[0] == 200)
        traces = Traces(platform.settings.path("records", "hot.db"))
        wait_for("all is recorded", lambda: set(answered) <= set(traces.by_ids(answered)))


def test_a_small_body_limit_reaches_the_gateway(tmp_path, monkeypatch):
    monkeypatch.setenv("VOLANO_MAX_BODY_BYTES", "2000")
    monkeypatch.setenv("VOLANO_SPOOL_FULL", "unrecorded")
    with Platform(tmp_path / "work") as platform:
        key = platform.say("POST", "/keys", name="test")["text"]
        assert chat(platform, key, "x" * 3000)[0] == 413
        assert chat(platform, key)[0] == 200
        snapshot = json.loads(platform.settings.path("run", "snapshot.json").read_text())
        assert (snapshot["max_body_bytes"], snapshot["spool_policy"]) == (2000, "unrecorded")


def test_what_the_workers_were_told_is_private_and_goes_with_them(tmp_path):
    with Platform(tmp_path / "work") as platform:
        path = platform.settings.path("run", "snapshot.json")
        assert path.stat().st_mode & 0o777 == 0o600
    assert not list(path.parent.glob("snapshot.json*"))
    errors = platform.settings.path("logs", "worker-0.log")
    assert errors.read_text() == ""


# damaged bytes


def place_of(platform, digest):
    """Where the blob of this digest lies: (pack, offset of its payload, stored bytes)."""
    with closing(sqlite3.connect(platform.settings.path("catalog.db"))) as catalog:
        pack, offset, stored = catalog.execute(
            'SELECT pack, "offset", stored FROM blobs WHERE digest = ?', (digest,)
        ).fetchone()
    from volano.store.pack import HEADER_BYTES

    return platform.settings.path("blobs", pack), offset + HEADER_BYTES, stored


def flip(path, at):
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x55]))


@pytest.mark.parametrize(("noun", "file"), [("models", "model.gguf"), ("releases", "release.json"),
                                            ("prompts", "prompt.json"), ("flows", "flow.json")])  # fmt: skip
def test_a_flipped_byte_is_found_and_serving_goes_on(platform, key, noun, file):
    artifact = platform.say("GET", f"/{noun}/ticket-router")
    path, at, stored = place_of(platform, artifact["files"][file]["digest"])
    flip(path, at + stored // 2)
    for method, verb, more in (("GET", "verify", {}), ("POST", "promote", {"channel": "other"})):
        with pytest.raises(talk.RemoteError) as told:
            platform.say(method, f"/releases/ticket-router@1/{verb}", **more)
        assert "failed at" not in str(told.value)
        assert told.value.code in ("tampered_release", "corrupt_blob")
        assert told.value.advice
    assert "damaged" in refused(platform.folder, "release", "verify", "ticket-router@1")
    assert [c["name"] for c in platform.say("GET", "/channels")] == ["ticket-router"]
    assert chat(platform, key)[0] == 200
    old = platform.processes()["control"]
    os.kill(old, signal.SIGKILL)
    wait_for("control is back", lambda: platform.processes()["control"] not in (None, old))
    wait_for("the API answers", lambda: _says(platform, "/channels"))
    made = platform.say("POST", "/keys", name="later")["text"]
    assert chat(platform, made)[0] == 200


def _says(platform, path):
    try:
        return platform.say("GET", path)
    except talk.ControlAwayError:
        return None


def test_a_release_whose_row_was_changed_is_refused(platform, key):
    prompt = platform.say("POST", "/prompts/other/save", template="{{input}} EVIL")
    flow = platform.say("POST", "/flows/other/compose", model="ticket-router", prompt=prompt["ref"])
    release = platform.say("GET", "/releases/ticket-router@1")
    real = next(p["digest"] for p in release["parents"] if p["role"] == "flow")
    with (
        closing(sqlite3.connect(platform.settings.path("catalog.db"), timeout=10)) as catalog,
        catalog,
    ):
        [manifest] = catalog.execute(
            "SELECT manifest FROM artifacts WHERE digest = ?", (release["digest"],)
        ).fetchone()
        changed = manifest.replace(real.encode(), flow["digest"].encode())
        assert changed != manifest
        catalog.execute(
            "UPDATE artifacts SET manifest = ? WHERE digest = ?", (changed, release["digest"])
        )
    for method, verb, more in (("GET", "verify", {}), ("POST", "promote", {"channel": "other"})):
        with pytest.raises(talk.RemoteError) as told:
            platform.say(method, f"/releases/ticket-router@1/{verb}", **more)
        assert told.value.code in ("tampered_release", "corrupt_manifest", "damaged_manifest")
    assert chat(platform, key)[0] == 200
