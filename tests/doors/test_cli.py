"""Transcripts of the command line, in a workspace where nothing runs."""

import json
import os
import pty
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from volano.app.lock import UP, FolderLock
from volano.cli import root, talk
from volano.core.errors import ConflictError, GateError, InvalidError
from volano.web.api import VERBS
from volano.web.api.routes import error_response

ESCAPES = set("\x1b\x07\x9b\u202e")


class Said:
    """What a command left: exit status, results, talk."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def rows(self):
        """Tab-separated rows as objects."""
        head, *rows = [line.split("\t") for line in self.out.splitlines()]
        return [dict(zip(head, row, strict=True)) for row in rows]

    @property
    def json(self):
        return json.loads(self.out)

    def refused(self, code=1):
        """It said no in two lines at most, on stderr, without a traceback."""
        assert self.code == code
        assert self.out == ""
        lines = self.err.splitlines()
        assert lines[0].startswith("error: ")
        assert all(line.startswith("hint:  ") for line in lines[1:])
        assert len(lines) <= 2
        return self.err


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def volano(home, monkeypatch, capsys):
    """Say a sentence in the folder, as the installed script would."""
    monkeypatch.setenv("VOLANO_HOME", str(home))

    def say(*words, run=root.root):
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["volano", *words])
        with pytest.raises(SystemExit) as ended:
            root.main(run)
        return Said(ended.value.code, *capsys.readouterr())

    if not (home / ".volano").exists():
        assert say("init").code == 0
    return say


def test_init_makes_a_private_folder_and_may_be_said_again(volano, home):
    said = volano("init")
    assert said.out == f"{home}/.volano is ready.\n"
    assert said.err == "next:  volano up\n"
    assert (home / ".volano").stat().st_mode & 0o077 == 0
    assert len(volano("model", "list").rows) == 1


def test_lists_are_tab_separated_when_piped(volano):
    said = volano("channel", "list")
    assert said.out.splitlines()[0] == "name\tstable ref\tcandidate ref\tshare\tupdated"
    [row] = said.rows
    assert (row["name"], row["stable ref"], row["candidate ref"]) == (
        "ticket-router", "ticket-router@1", "-",
    )  # fmt: skip
    assert said.err == ""


def test_an_empty_list_says_so_beside_the_results(volano):
    said = volano("feedback", "list")
    assert (said.code, said.out, said.err) == (0, "", "nothing yet\n")
    assert volano("feedback", "list", "--json").json == []


@pytest.mark.parametrize("verb", ["list", "show"])
def test_json_everywhere(volano, verb):
    said = volano("model", verb, *(["ticket-router"] if verb == "show" else []), "--json")
    found = said.json[0] if verb == "list" else said.json
    assert (found["ref"], found["kind"]) == ("ticket-router@1", "model")


def test_a_change_says_what_changed_and_what_comes_next(volano, tmp_path):
    path = tmp_path / "rows.csv"
    lines = [f"Frage {n} über 退款,{'ab'[n % 2]}" for n in range(20)]
    path.write_text("text,label\n" + "\n".join(lines), encoding="utf-8")
    said = volano("data", "add", "kérdések", str(path), "--test-share", "0.25")
    assert said.code == 0, said.err
    assert said.out.startswith("kérdések@1  ")
    assert "train" in said.out
    assert said.err == "next:  volano model train NAME --data kérdések@1\n"
    rows = volano("data", "rows", "kérdések").rows
    assert set(rows[0]) == {"id", "text", "label"}
    assert "退款" in rows[0]["text"]


def test_hostile_text_reaches_no_terminal(volano, tmp_path):
    path = tmp_path / "rows.jsonl"
    evil = "\x1b[2J\x1b]0;owned\x07 \x9b31m \u202ecod.exe"
    rows = [{"text": f"{evil} {n}", "label": {evil: f"{evil}{n}"}} for n in range(9)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for words in (
        ("data", "add", "evil", str(path)), ("data", "rows", "evil"),
        ("data", "rows", "evil", "--json"), ("data", "show", "evil"), ("data", "list"),
        ("data", "show", evil), (evil,), ("data", evil), ("run", "show", evil),
        ("prompt", "save", "p", "--template", evil), ("--home", evil, "data", "list"),
        ("key", "create", evil), ("prompt", "save", "p", "--system", evil),
        ("prompt", "show", "p"), ("prompt", "show", "p", "--json"),
    ):  # fmt: skip
        said = volano(*words)
        assert not ESCAPES & set(said.out + said.err), words


def test_a_key_is_shown_once(volano):
    said = volano("key", "create", "my-app", "--scopes", "chat:ticket-router,read")
    text, sentence = said.out.splitlines()
    assert text.startswith("vk_")
    assert (
        sentence == "my-app may chat:ticket-router, read. This is the only time the key is shown."
    )
    listed = volano("key", "list")
    assert text not in listed.out
    [row] = [row for row in listed.rows if row["name"] == "my-app"]
    assert row["revoked"] == "-"
    assert volano("key", "revoke", row["id"]).out == f"Key {row['id']} is revoked.\n"


def test_feedback_is_recorded_without_anything_running(volano):
    trace = "ab" * 16
    said = volano("feedback", "add", trace, "--value", "0", "--correction", "száll\x1b[1mítás")
    assert said.code == 0, said.err
    [row] = volano("feedback", "list", "--trace-id", trace).rows
    assert (row["value"], row["name"]) == ("0.0", "correct")
    assert row["correction"].startswith("száll")
    assert not ESCAPES & set(row["correction"])


def test_a_release_from_the_first_word_to_the_channel(volano, tmp_path):
    model = ("--url", "http://127.0.0.1:9/v1", "--model", "small")
    assert volano("model", "add", "far", *model).out == "far@1\n"
    assert volano("prompt", "save", "ask", "--settings", '{"max_tokens": 9}').out == "ask@1\n"
    assert volano("flow", "compose", "ask", "--model", "far", "--prompt", "ask").out == "ask@1\n"
    cut = volano("release", "cut", "ask", "--flow", "ask")
    assert cut.out == "ask@1  signed\n"
    assert cut.err == "next:  volano release promote ask@1 --channel ask\n"
    assert volano("release", "verify", "ask@1").code == 0
    moved = volano("release", "promote", "ask@1", "--channel", "ask/staging", "--plan", "50%,100%")
    assert moved.out.startswith("ask@1 moves to ask/staging: rollout ")
    status = volano("release", "status", "ask/staging").out
    assert "channel ask/staging serves ask@1" in status
    assert "warming" in status
    events = volano("release", "events", volano("release", "rollouts").rows[0]["id"]).rows
    assert [event["kind"] for event in events] == ["promoted"]
    again = volano("release", "abort", "ask/staging", "--why", "by a file")
    assert again.code == 0, again.err
    file = tmp_path / "útvonal.yaml"
    file.write_text("steps: [10%, 100%]\ngates: {errors: 0.01}\n", encoding="utf-8")
    promote = ("release", "promote", "ask@1", "--channel", "ask/staging", "--plan-file", str(file))
    twice = volano(*promote, "--plan", "100%").refused()
    assert "útvonal.yaml` cannot be used: --plan beside it" in twice
    assert volano(*promote).out.startswith("ask@1 moves to ask/staging: rollout ")
    plan = volano("release", "rollout", volano("release", "rollouts").rows[0]["id"], "--json").json
    assert (plan["plan"]["steps"], plan["plan"]["margins"]) == (
        [100_000, 1_000_000],
        {"errors": 0.01},
    )
    back = volano("release", "abort", "ask/staging", "--why", "tea time")
    assert back.out == "ask@1 is back at 0 %: tea time\n"
    assert "no channel `ask/staging`" in volano("channel", "show", "ask/staging").refused()
    tree = volano("audit", "lineage", "release/ask@1").out.splitlines()
    assert tree[0].startswith("release ask@1")
    assert any("prompt: prompt ask@1" in line for line in tree)


def test_a_prompt_that_is_there_already_is_told_and_so_is_a_why_that_is_not_kept(volano):
    save = ("prompt", "save", "válasz", "--system", "Légy rövid.")
    assert "already" not in volano(*save, "--why", "first").err
    again = volano(*save, "--why", "better")
    assert (again.code, again.out) == (0, "válasz@1\n")
    assert (
        "note:  válasz@1 is already that: nothing was saved. It keeps its own why.\n" in again.err
    )
    assert "keeps" not in volano(*save).err
    assert volano("prompt", "save", "válasz", "--system", "Sois bref.").out == "válasz@2\n"
    older = volano(*save, "--why", "first")
    assert (older.out, "válasz@1 is already that" in older.err) == ("válasz@1\n", True)
    assert [one["why"] for one in volano("prompt", "list", "--name", "válasz", "--json").json] == [
        "",
        "first",
    ]


def test_the_ledger_is_told_and_checked(volano):
    rows = volano("audit", "log", "--limit", "3").rows
    assert len(rows) == 3
    assert volano("audit", "verify").out.splitlines()[0].startswith("size")
    assert volano("audit", "verify", "--json").json["problems"] == []


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("modle", "list"), "Did you mean `model`?"),
        (("model", "lsit"), "Did you mean `list`?"),
        (("statsu",), "Did you mean `status`?"),
        (("qqqq",), "There is no `qqqq` here."),
    ],
)
def test_what_was_probably_meant(volano, words, meant):
    said = volano(*words)
    assert (said.code, said.out) == (2, "")
    assert meant in said.err


@pytest.mark.parametrize(
    "words",
    [
        ("model", "list", "--limit", "x"),
        ("model", "list", "--colour"),
        ("model", "show"),
        ("model", "show", "a", "b"),
        ("data", "add", "x", "/no/such/file"),
        ("trace", "list", "--outcome", "odd"),
        (),
        ("model",),
    ],
)
def test_usage_is_exit_status_2(volano, words):
    assert volano(*words).code == 2


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("model", "show", "ticket-ruoter"), "Did you mean `ticket-router@1`?"),
        (("model", "show", "ticket-router@9"), "`ticket-router@1`"),
        (("model", "show", "a b"), "not a name"),
        (("model", "list", "--limit", "-3"), "1 or more"),
        (("prompt", "save", "x", "--settings", "{"), "must be JSON"),
        (("prompt", "save", "x", "--settings", "[1]"), "an object"),
        (("release", "promote", "x", "--channel", "y", "--plan", "5%,100%"), "no release `x`"),
        (("feedback", "add", "abc", "--value", "1"), "trace id"),
        (("run", "show", "nothing"), "nothing"),
        (("release", "abort", "ticket-router"), "No rollout"),
    ],
)
def test_errors_are_two_lines(volano, words, part):
    assert part in volano(*words).refused()


@pytest.mark.parametrize("waits", [(), ("--wait",)])
@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("model", "train", "a b", "--data", "x"), "not a name"),
        (("model", "compress", "nothing", "--to", "q8_0", "--name", "x"), "no model `nothing`"),
        (("eval", "advise", "--data", "nothing", "--candidates", "a,b"), "no dataset `nothing`"),
        (
            ("eval", "improve", "nothing", "--data", "x", "--model", "y", "--budget-calls", "9"),
            "no prompt `nothing`",
        ),
        (
            ("eval", "search", "ticket-router", "--data", "x", "--name", "y", "--target", "sise<=1KB"),
            "did you mean `size`?",
        ),
    ],
)  # fmt: skip
def test_no_run_starts_of_what_cannot_be_meant_waited_for_or_not(volano, words, part, waits):
    assert part in volano(*words, *waits).refused(2)


def test_a_folder_without_a_workspace(volano, tmp_path):
    said = volano("--home", str(tmp_path), "model", "list")
    assert f"no volano workspace in {tmp_path}" in said.refused()
    assert "volano init" in said.err
    assert not (tmp_path / ".volano").exists()
    status = volano("--home", str(tmp_path), "status")
    assert (status.code, status.out) == (0, f"volano is not running in {tmp_path}\n")
    assert volano("--home", str(tmp_path), "status", "--json").json == {"up": False, "holder": None}


def test_a_bad_setting_names_its_file(volano, tmp_path):
    (tmp_path / "volano.toml").write_text("prot = 7070")
    for words in (("status",), ("model", "list"), ("doctor",), ("init",), ("up",)):
        assert "volano.toml" in volano("--home", str(tmp_path), *words).refused()


def test_a_gate_that_says_no_is_exit_status_3(volano):
    def run(**_given):
        raise GateError("The gate says no.", hint="Look at the report.")

    assert "gate says no" in volano(run=run).refused(3)


def test_errors_of_the_system_are_told_like_ours(volano):
    def run(**_given):
        raise PermissionError(13, "Permission denied", "/etc/\x1b[31mshadow")

    said = volano(run=run)
    assert "Permission denied: /etc/" in said.refused()
    assert "\x1b" not in said.err


def test_debug_shows_where_it_happened(home, monkeypatch):
    monkeypatch.setattr(
        sys, "argv", ["volano", "--debug", "--home", str(home), "model", "show", "x"]
    )
    with pytest.raises(Exception, match="no model `x`"):
        root.main()


def test_ctrl_c_is_told(volano):
    def run(**_given):
        raise KeyboardInterrupt

    said = volano(run=run)
    assert (said.code, said.err) == (130, "stopped\n")


def test_one_command_at_a_time(volano, home):
    with FolderLock(home / ".volano" / "lock", {"what": UP}):
        said = volano("model", "list")
    assert "control process does not answer" in said.refused()


def test_a_command_while_volano_starts_says_so(volano, home):
    with FolderLock(home / ".volano" / "lock", {"what": UP, "starting": True}) as lock:
        said = volano("model", "list").refused()
        assert "volano is starting here" in said and "does not answer" not in said.split("\n")[1:]
        lock.tell(what=UP)
        assert "control process does not answer" in volano("model", "list").refused()


def test_a_start_between_question_and_command_is_said_too(volano, home, monkeypatch):
    monkeypatch.setattr(talk, "ask", lambda *_: None)
    with FolderLock(home / ".volano" / "lock", {"what": UP, "starting": True}):
        assert "volano is starting here" in volano("model", "list").refused()


@pytest.mark.parametrize("what", ["volano.App", "a command"])
def test_a_command_beside_a_program_is_told_who_has_the_folder(volano, home, what):
    with FolderLock(home / ".volano" / "lock", {"what": what}):
        said = volano("model", "list").refused()
    assert f"`{what}` (process {os.getpid()}) holds" in said
    assert "restarts by itself" not in said


def serve(path, answer):
    """Stand at control's socket and say this to whoever comes, once."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def run():
        line, _ = listener.accept()
        with line:
            line.recv(65536)
            line.sendall(answer)
        listener.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def http(status, body):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(data), data)


@pytest.mark.parametrize(
    ("error", "code"),
    [(GateError("The gate says no."), 3), (ConflictError("Not now."), 1), (InvalidError("No."), 1)],
)
def test_the_exit_status_comes_through_controls_socket(volano, home, error, code):
    answer = error_response(error)
    lines = b"".join(b"%b: %b\r\n" % line for line in answer.raw_headers)
    path = home / ".volano" / "run" / "control.sock"
    head = b"HTTP/1.1 %d X\r\n" % answer.status_code
    thread = serve(path, head + lines + b"\r\n" + answer.body)
    try:
        assert error.message in volano("model", "list").refused(code)
    finally:
        path.unlink()
        thread.join(5)


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (http(500, b"Internal Server Error"), "does not answer"),
        (http(200, b"<html>"), "does not answer"),
        (http(500, []), "does not answer"),
        (http(404, {"detail": "x"}), "does not answer"),
        (b"garbage\r\n\r\n", "does not answer"),
        (b"", "does not answer"),
        (http(404, {"error": {"code": "x", "message": "no\x1b[1m\nsuch", "hint": "h"}}), "such"),
    ],
    ids=range(7),
)
def test_whatever_stands_at_controls_socket(volano, home, answer, part):
    path = home / ".volano" / "run" / "control.sock"
    thread = serve(path, answer)
    try:
        assert part in volano("model", "list").refused()
    finally:
        path.unlink()
        thread.join(5)


def test_a_socket_that_a_killed_control_left_is_no_hindrance(volano, home):
    path = home / ".volano" / "run" / "control.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    try:
        assert volano("model", "list").code == 0
    finally:
        path.unlink()


def test_the_doctor_looks_at_everything(volano, home):
    with socket.create_server(("127.0.0.1", 0)) as free:
        (home / "volano.toml").write_text(f"port = {free.getsockname()[1]}")
    said = volano("doctor")
    assert said.code == 0, said.out
    for what in ("python", "disk", "clock", "train", "scale", "port", "folder", "ledger"):
        assert f"✓ {what} " in said.out
    (home / ".volano").chmod(0o755)
    said = volano("doctor")
    (home / ".volano").chmod(0o700)
    assert said.code == 1
    assert "✗ folder" in said.out
    assert "chmod 700" in said.out


def test_the_doctor_knows_a_taken_port_and_a_new_folder(volano, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        (tmp_path / "volano.toml").write_text(f"port = {taken.getsockname()[1]}")
        said = volano("--home", str(tmp_path), "doctor")
    assert said.code == 1
    assert "taken by another program" in said.out
    assert "volano init makes one" in said.out
    assert "port = " in said.out


def command(*words):
    return [sys.executable, "-m", "volano.cli.main", *words]


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_on_a_terminal_and_none_with_no_color(home, no_color, coloured):
    outer, inner = pty.openpty()
    env = {**os.environ, "NO_COLOR": no_color, "VOLANO_HOME": str(home), "TERM": "xterm"}
    with subprocess.Popen(command("model", "show", "x"), stdout=inner, stderr=inner, env=env):
        os.close(inner)
        said = b""
        try:
            while data := os.read(outer, 4096):
                said += data
        except OSError:
            pass  # the other end is gone: all was read
    os.close(outer)
    assert b"no model `x`" in said
    assert (b"\x1b[" in said) is coloured


def test_a_reader_that_leaves_early_is_not_told():
    """As in `volano --help | head -1`."""
    outer, inner = os.pipe()
    os.close(outer)
    done = subprocess.run(command("--help"), stdout=inner, stderr=subprocess.PIPE, check=False)
    os.close(inner)
    assert done.stderr == b""


def test_help_lists_everything_and_loads_no_room():
    code = (
        "import sys; sys.argv = ['volano', '--help']\n"
        "from volano.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "rooms = {'sqlalchemy', 'starlette', 'dbos', 'msgspec', 'rich', 'volano.app.app'}\n"
        "print(sorted(rooms & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for word in (*root.NOUNS, *root.BARE):
        assert f"\n  {word} " in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("noun", root.NOUNS)
def test_every_noun_and_verb_has_help(volano, noun):
    assert volano(noun, "--help").code == 0
    for verb in (verb for verb in VERBS if verb.noun == noun):
        said = volano(noun, *verb.name.split(), "--help")
        assert (said.code, said.err) == (0, "")
        assert f"/api/v1{verb.path}" in said.out.replace("\n", "").replace("  ", "")


def test_the_version(volano):
    said = volano("--version")
    assert said.code == 0
    assert said.out.startswith("volano ")


def test_an_error_without_advice_is_one_line(volano):
    def run(**_given):
        raise InvalidError("Only this.")

    assert volano(run=run).refused() == "error: Only this.\n"


def test_doctor_reads_the_bytes_and_reindex_finds_them_again(volano, home):
    said = volano("doctor", "--all")
    [line] = [line for line in said.out.splitlines() if " blobs " in line]
    assert line.startswith("✓")
    assert "checked, 0 problems" in line
    with closing(sqlite3.connect(home / ".volano" / "catalog.db")) as catalog, catalog:
        catalog.execute("DELETE FROM blobs")
    broken = volano("doctor")
    assert broken.code == 1
    assert "Say volano audit reindex." in broken.out
    lacking = volano("audit", "blobs", "--json")
    assert lacking.code == 1
    assert "are not in the index" in lacking.json["problems"][0]
    found = volano("audit", "reindex")
    assert found.out.startswith("The index holds ")
    assert found.err == "next:  volano audit blobs --all\n"
    whole = volano("audit", "blobs", "--all", "--json")
    assert (whole.code, whole.json["problems"]) == (0, [])


def test_checks_of_rows_and_of_the_ledger_end_with_0_where_all_is_well(volano):
    for noun in ("data", "audit"):
        found = volano(noun, "verify", "--json")
        assert (found.code, found.json["problems"]) == (0, [])


def test_a_version_that_is_damaged_ends_its_check_with_1(volano, home, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(f'{{"text": "row {at}", "label": "a"}}\n' for at in range(500)))
    assert volano("data", "add", "hurt", str(rows)).code == 0
    packs = sorted((home / ".volano").rglob("*.pack"), key=lambda one: one.stat().st_mtime_ns)
    whole = {one: one.read_bytes() for one in packs}
    for one, raw in whole.items():
        one.write_bytes(raw[: len(raw) // 2] + bytes(len(raw) - len(raw) // 2))
    try:
        found = volano("data", "verify", "--json")
    finally:
        for one, raw in whole.items():
            one.write_bytes(raw)
    assert found.code == 1
    assert found.json["problems"][0]["ref"].startswith("hurt@")


def test_a_missing_providers_key_is_told_wherever_it_matters(volano, monkeypatch, tmp_path):
    monkeypatch.delenv("BIG_KEY", raising=False)
    home = ("--home", str(tmp_path))
    assert volano(*home, "init").code == 0
    pointer = ("--url", "https://api.example.com/v1", "--model", "m", "--key-env", "BIG_KEY")
    said = volano(*home, "model", "add", "big", *pointer)
    assert said.out == "big@1\n"
    assert "note:  The variable `BIG_KEY` is not set where volano runs" in said.err
    assert volano(*home, "model", "keys").out.splitlines()[1] == "big@1\tBIG_KEY\tfalse\t[]"
    sick = volano(*home, "doctor")
    assert "✗ key          big@1 lacks its key: BIG_KEY is not set" in sick.out
    assert sick.code == 1
    monkeypatch.setenv("BIG_KEY", "secret")
    assert "✓ key          big@1 has its key in BIG_KEY" in volano(*home, "doctor").out
    assert volano(*home, "model", "add", "big2", *pointer).err == (
        "next:  volano flow compose NAME --model big2@1\n"
    )


def test_a_command_leaves_no_snapshot_with_secrets(volano, home):
    assert volano("key", "create", "another").code == 0
    assert (home / ".volano" / "run" / "shared.bin").exists()
    assert not list((home / ".volano" / "run").glob("snapshot.json*"))
