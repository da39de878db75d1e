"""A team makes a dataset that it can trust: from mails, pages, a database and its own traces.

One running platform, spoken to by the command line as a user does it. Each part
builds on the one before it, so that they are fixtures, and the tests look.
"""

import gzip
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from support.databases import postgres_url
from volano.cli.demo.platform import Platform
from volano.cli.talk import ControlAwayError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("many-sources")]

CARD, MAIL = "4111 1111 1111 1111", "anna.kovacs@pelda.hu"
ANIMALS = ["Falcon", "Gecko", "Heron", "Ibis", "Kestrel", "Lynx", "Marten", "Otter"]
BODIES = (
    ("Where is my {i}? I ordered it {n} days ago, order {o}, and nobody answers me.", "shipping"),
    ("Hol van a csomagom? A rendelésem száma {o} ({i}), már {n} napja várok rá.", "shipping"),
    ("Верните мне деньги за {i}, номер заказа {o}, уже {n} дней нет ответа.", "refund"),
    ("Mein {i} ist kaputt angekommen, bitte Ersatz. Bestellung {o}, vor {n} Tagen.", "hardware"),
    ("我的{i}坏了，请尽快帮我更换。订单号是{o}，已经等了{n}天，没有人回复我。", "hardware"),
)
RECIPE = """
dataset: support
sources:
  - files: mails.jsonl.gz
    columns: {text: body, label: topic}
  - folder: pages
    exclude: ["*.html"]
  - files: pages/*.html
    columns: {text: text, label: title}
  - sql: "${SHOP_DB}"
    query: "SELECT text, label, id FROM tickets ORDER BY id"
  - traces: {channel: ticket-router, feedback: corrections}
    columns: {text: text, label: label}
steps:
  - repair
  - language: {keep: [hu, ru, de, zh, en]}
  - quality: {rules: {min_chars: {zh: 10, "*": 20}, max_symbol_ratio: 0.3}}
  - pii
  - exact-dedup: {what: text}
  - near-dedup: {threshold: 0.8, shingle: characters, numbers: true}
  - split: {parts: {train: 0.8, test: 0.2}}
"""
CONTRACT = """
contract: 1
extra: allow
columns:
  text: {type: text, required: true, min_length: 5, class: personal}
  label: {type: text, required: true}
"""


def mails() -> list[dict[str, str]]:
    """Some that are fine, and one of each trouble."""
    rows = []
    for n in range(40):
        body, topic = BODIES[n % 5]
        said = body.format(i=ANIMALS[n % 8], n=n + 3, o=7000 + n * 37)
        rows.append({"body": said, "topic": topic})
    rows[0]["body"] += f" Write to {MAIL}, or charge {CARD}."
    rows.append({**rows[1], "body": rows[1]["body"].upper()})
    rows.append({**rows[3], "body": rows[3]["body"] + " Danke!"})
    rows.append({"body": "Hol van a kÃ¡rtyÃ¡m? KÃ©rem, Ã­rjanak vissza.", "topic": "shipping"})
    rows.append({"body": "!!! $$$ >>> <<< $$$ !!! ***", "topic": "spam"})
    return rows


def write_mails(folder: Path, rows: list[dict[str, str]]) -> None:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    lines.insert(5, '{"body": "torn off in the mid')
    with gzip.open(folder / "mails.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def write_pages(folder: Path) -> None:
    (folder / "pages").mkdir()
    (folder / "pages" / "returns.md").write_text(
        "---\nlabel: howto\n---\n# Returns\n\nSend the parcel back within 30 days of its arrival.\n"
    )
    (folder / "pages" / "delivery.html").write_text(
        "<html><head><title>Delivery</title></head><body><nav><a href=/>Home</a></nav><main>"
        "<p>Parcels leave our house on the day of the order, wherever you live.</p></main></body>"
    )


class Team:
    """A folder with a running platform, and a user's terminal in it."""

    def __init__(self, platform: Platform):
        self.platform = platform
        self.folder = platform.folder

    def say(self, *command: str, code: int = 0) -> str:
        """Run `volano …`; return what it printed, or what it complained of."""
        argv = [sys.executable, "-m", "volano.cli.main", "--home", str(self.folder), *command]
        done = subprocess.run(
            argv, cwd=self.folder, capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == code, (
            f"volano {' '.join(command)}\n{done.stdout}\n{done.stderr}\n"
            f"{(self.folder / 'up.log').read_text()[-2000:]}"
        )
        return done.stdout if code == 0 else done.stderr

    def told(self, *command: str) -> Any:
        return json.loads(self.say(*command, "--json"))

    def ask(self, method: str, path: str, key: str, body: Any = None) -> tuple[int, Any, Any]:
        """Speak HTTP to the one port with a key; return status, body and headers."""
        line = http.client.HTTPConnection("127.0.0.1", self.platform.port, timeout=30)
        try:
            said = None if body is None else json.dumps(body)
            line.request(method, path, said, {"authorization": f"Bearer {key}"})
            answer = line.getresponse()
            return answer.status, json.loads(answer.read()), answer.headers
        finally:
            line.close()

    def until(self, what: str, holds: Any, within_s: float = 60.0) -> Any:
        ends = time.monotonic() + within_s
        while time.monotonic() < ends:
            if found := holds():
                return found
            time.sleep(0.1)
        raise AssertionError(f"not within {within_s:.0f} s: {what}")


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp("story") / "team"
    with postgres_url() as shop, pytest.MonkeyPatch.context() as patched:
        engine = create_engine(shop)
        with engine.begin() as conn:
            conn.execute(text("CREATE TABLE tickets (id int PRIMARY KEY, text text, label text)"))
            said = "Ticket {n}: the invoice of order {o} for {i} is wrong, please correct it."
            rows = [
                {"id": n, "text": said.format(n=n, o=n * 91, i=ANIMALS[n]), "label": "billing"}
                for n in range(8)
            ]
            conn.execute(text("INSERT INTO tickets VALUES (:id, :text, :label)"), rows)
        engine.dispose()
        patched.setenv("SHOP_DB", shop.render_as_string(hide_password=False))
        with Platform(folder) as platform:
            made = Team(platform)
            write_mails(folder, mails())
            write_pages(folder)
            (folder / "support.yaml").write_text(RECIPE)
            (folder / "contract.yaml").write_text(CONTRACT)
            yield made


@pytest.fixture(scope="module")
def corrected(team: Team) -> str:
    """Somebody asked, and was answered wrongly: the correction is a row of its own."""
    key = team.told("key", "create", "shop")["text"]
    question = "Hey, the Gecko with order 8274 has a broken screen, what now?"
    body = {"model": "ticket-router", "messages": [{"role": "user", "content": question}]}
    status, _, headers = team.ask("POST", "/v1/chat/completions", key, body)
    assert status == 200
    trace = headers["x-volano-trace"]
    traces = lambda: team.platform.say("GET", "/traces")  # noqa: E731
    team.until("the trace", lambda: any(one["id"] == trace for one in traces()))
    team.say("feedback", "add", trace, "--value", "0", "--correction", "hardware")
    return question


@pytest.fixture(scope="module")
def first(team: Team, corrected: str) -> dict[str, Any]:
    """Version 1."""
    del corrected
    return team.told("data", "prepare", "support.yaml", "--wait")


@pytest.fixture(scope="module")
def edited(team: Team, first: dict[str, Any]) -> dict[str, Any]:
    """Version 2: one mail was corrected in its file."""
    del first
    rows = mails()
    rows[7]["body"] += " Спасибо большое!"
    write_mails(team.folder, rows)
    return team.told("data", "prepare", "support.yaml", "--wait")


def test_version_1_comes_from_all_sources_and_says_why_rows_went(team, first, corrected):
    assert first["outputs"]["ref"] == "support@1"
    report = team.told("data", "report", "support@1")
    went = Counter[str]()
    for step in report["steps"]:
        went.update(step["dropped"])
    assert went == {
        "not JSON": 1, "max_symbol_ratio": 1, "exact duplicate": 1, "near duplicate": 1,
    }  # fmt: skip
    changed = {step["step"]: step["changed"] for step in report["steps"]}
    assert changed["pii"] == {"card": 1, "email": 1}
    assert changed["repair"]["mojibake"] == 1
    rows = everything(team, "support@1")
    assert len(rows) == report["rows"] == first["outputs"]["rows"] == 44 + 1 + 1 + 8 + 1 - 3
    texts = " ".join(row["text"] for row in rows)
    assert CARD not in texts
    assert MAIL not in texts
    assert "<EMAIL_1>" in texts
    assert "<CARD_1>" in texts
    assert corrected in texts
    sources = {next(iter(str(row["origin"].get("source", "")).split("/"))) for row in rows}
    assert {"mails.jsonl.gz", "pages"} <= sources
    assert next(r for r in rows if r["text"] == corrected)["label"] == "hardware"
    rejected = team.told("data", "rejected", "support@1")
    assert Counter(one["reason"] for one in rejected) == went
    assert all(one["row"]["origin"] for one in rejected)


def everything(team: Team, ref: str) -> list[dict[str, Any]]:
    return [
        row
        for split in ("train", "test")
        for row in team.platform.say("GET", f"/datasets/{ref}/rows", split=split, limit=1000)
    ]


def test_version_2_differs_by_the_row_that_was_edited_and_ran_little(team, edited):
    assert edited["outputs"]["ref"] == "support@2"
    changes = team.told("data", "diff", "support@1", "support@2", "--rows", "10")["rows"]
    kinds = {change["change"]: change["row"]["text"] for change in changes}
    assert len(changes) == 2
    assert kinds["added"].removesuffix(" Спасибо большое!") == kinds["removed"]
    steps = {one["step"]: one for one in team.told("data", "report", "support@2")["times"]["steps"]}
    assert steps["repair"]["cached"] == steps["repair"]["shards"] - 1


def test_a_contract_refuses_a_bad_version_and_a_pipeline_sees_3(team, edited):
    del edited
    team.say("data", "contract", "set", "support", "contract.yaml")
    assert team.told("data", "check", "support@2")["broken"] == 0
    bad = team.folder / "bad.yaml"
    (team.folder / "bad.jsonl").write_text('{"text": "Where is it?"}\n{"text": "", "label": "x"}\n')
    bad.write_text("dataset: support\nsources:\n  - files: bad.jsonl\n")
    said = team.say("data", "prepare", "bad.yaml", "--wait", code=3)
    assert "break its contract" in said
    assert "min_length" in team.say("run", "log", said.split("volano run log ")[1][:36])
    assert team.told("data", "show", "support")["ref"] == "support@2"


def test_a_version_is_labelled_branched_exported_checked_and_swept(team, edited):
    del edited
    for version in ("support@1", "support@2"):
        team.say("data", "label", version, "stable")
    team.say("data", "rollback", "support:stable")
    assert team.told("data", "show", "support:stable")["ref"] == "support@1"
    team.say("data", "branch", "support@2", "support-strict")
    same = team.told("data", "diff", "support@2", "support-strict")
    assert not any(counts["added"] or counts["removed"] for counts in same.values())
    card = team.say("data", "card", "show", "support@2")
    assert "| train |" in card
    assert "# support" in card
    team.say("data", "export", "support@2", "hub", "--form", "hf")
    team.say("data", "import", "support-back", "hub")
    texts = [
        {row["text"] for row in everything(team, ref)} for ref in ("support@2", "support-back@1")
    ]
    assert texts[0] == texts[1]
    team.say("data", "gc")
    assert team.told("data", "verify")["problems"] == []


def test_a_reader_without_clearance_sees_asterisks_and_a_stranger_nothing(team, edited):
    del edited
    reader, stranger = (
        team.told("key", "create", name, "--scopes", "data")["text"]
        for name in ("reader", "stranger")
    )
    team.say("data", "classify", "support", "text", "personal")
    team.say("data", "grant", "support", "service:key/reader", "read")
    rows = "/api/v1/datasets/support@2/rows"
    try:
        status, seen, _ = team.ask("GET", rows, reader)
        assert status == 200
        assert {row["text"] for row in seen} == {"***"}
        assert {"shipping", "refund"} <= {row["label"] for row in seen}
        assert team.ask("GET", rows, stranger)[0] == 403
        reads = team.told("data", "reads", "support@2", "--principal", "service:key/stranger")
        assert [read["outcome"] for read in reads] == ["refused"]
    finally:
        team.say("data", "open", "support")


def test_a_file_and_a_time_start_the_same_recipe(team, edited):
    del edited
    inbox = team.folder / "inbox"
    inbox.mkdir()
    recipe = "dataset: inbox\nsources:\n  - files: inbox/*.jsonl\nsteps:\n  - repair\n"
    (team.folder / "inbox.yaml").write_text(recipe)
    file = ("--on", f"files:{inbox}/*.jsonl", "--settle-s", "0.5")
    team.say("schedule", "add", "on-file", *file, "--recipe", "inbox.yaml")
    team.say("schedule", "add", "nightly", "--cron", "0 3 * * *", "--recipe", "inbox.yaml")
    (inbox / "a.jsonl").write_text('{"text": "Пришло новое письмо", "label": "new"}\n')
    came = team.until("the file starts it", lambda: done(team, "on-file"))
    assert came["outputs"]["ref"] == "inbox@1"
    assert came["by"] == "service:schedule/on-file"
    team.say("schedule", "backfill", "nightly", "--since", "2026-03-01", "--until", "2026-03-02")
    came = team.until("the time starts it", lambda: done(team, "nightly"))
    assert came["outputs"] == {**came["outputs"], "ref": "inbox@1", "unchanged": True}


def done(team: Team, schedule: str) -> Any:
    """Return the Run of a schedule's newest firing, when it is done."""
    firings = team.platform.say("GET", f"/schedules/{schedule}")["firings"]
    runs = [team.platform.say("GET", f"/runs/{one['run']}") for one in firings[:1] if one["run"]]
    assert not runs or runs[0]["state"] != "failed", runs
    return runs[0] if runs and runs[0]["state"] == "done" else None


def test_lineage_leads_from_a_row_to_the_report_on_it_and_back(team, edited, corrected):
    del edited
    run = team.told("eval", "run", "ticket-router@1", "--data", "support@2", "--split", "test")
    report = team.until("the report", lambda: ended(team, run["id"]))["outputs"]["ref"]
    row = next(row for row in everything(team, "support@2") if row["text"] == corrected)
    told = team.told("lineage", "row", "support", row["id"])
    assert {one["ref"] for one in told["held_by"]} >= {"support@1", "support@2"}
    assert report in json.dumps(told["came_of_it"])
    back = team.told("lineage", "show", report, "--backwards")
    assert "dataset/support@2" in {node["id"] for node in back["nodes"]}


def ended(team: Team, run_id: str) -> Any:
    run = team.platform.say("GET", f"/runs/{run_id}")
    assert run["state"] in {"queued", "running", "done"}, run
    return run if run["state"] == "done" else None


def test_kill_9_of_control_and_child_in_mid_run_goes_on(team, edited):
    del edited
    with (team.folder / "long.jsonl").open("w", encoding="utf-8") as file:
        for n in range(4_000):
            body = BODIES[n % 5][0].format(i=ANIMALS[n % 8], n=n, o=n * 7)
            file.write(json.dumps({"text": body}, ensure_ascii=False) + "\n")
    steps = "  - repair\n  - language\n  - exact-dedup: {what: text}\n"
    (team.folder / "long.yaml").write_text(
        f"dataset: long\nsources:\n  - files: long.jsonl\nsteps:\n{steps}"
    )
    run = team.told("data", "prepare", "long.yaml")
    control = team.platform.processes()["control"]
    victims = team.until("its child works", lambda: children(control))
    assert team.told("run", "show", run["id"])["state"] == "running"
    for pid in (*victims, control):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    team.until("control is back", lambda: answers(team, control))
    came = team.until("the Run goes on", lambda: ended(team, run["id"]))
    assert (came["outputs"]["ref"], came["outputs"]["rows"]) == ("long@1", 4_000)
    assert team.told("data", "verify", "long@1")["problems"] == []


def answers(team: Team, before: int) -> bool:
    """Whether another control than the one before is there, and speaks."""
    if team.platform.processes()["control"] in (None, before):
        return False
    with suppress(ControlAwayError):
        team.platform.say("GET", "/runs")
        return True
    return False


def children(pid: int) -> list[int]:
    """Return all processes below this one."""
    lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    below = [int(one) for one in " ".join(lists).split()]
    return below + [deeper for one in below for deeper in children(one)]
