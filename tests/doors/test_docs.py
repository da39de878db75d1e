"""The documentation is true: its pages exist, its commands exist, and what it shows happens."""

import importlib.util
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from support import pages
from support.databases import postgres_url
from support.pages import DOCS, ROOT, Block
from volano.cli import reference
from volano.cli.root import BARE, NOUNS, root
from volano.web.api import VERBS
from volano.web.pages.nouns import NOUNS as STATIONS

PAGES = [path.relative_to(ROOT).as_posix() for path in pages.pages()]
LIVED = [
    "tutorial/first-loop.md",
    "tutorial/data.md",
    *sorted(f"howto/{p.name}" for p in DOCS.glob("howto/*.md")),
]
POSTGRES = "howto/postgres-catalog.md"


@pytest.mark.parametrize("name", reference.pages())
def test_the_reference_says_what_the_code_says(name):
    written = (DOCS / "reference" / name).read_text(encoding="utf-8")
    assert written == reference.pages()[name], (
        "stale: run `python -m volano.cli.reference docs/reference`"
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    path = ROOT / page
    dead = [link for link in pages.links(path) if not (path.parent / link).exists()]
    assert dead == []


def test_the_index_leads_to_every_page():
    led = {(DOCS / link).resolve() for link in pages.links(DOCS / "README.md")}
    missing = {p for p in DOCS.rglob("*.md") if p.name != "README.md"} - led
    assert sorted(p.name for p in missing if p.parent.name != "adr") == []


@pytest.mark.parametrize("page", PAGES)
def test_every_command_in_a_page_exists(page):
    wrong = {" ".join(c): why for c in pages.commands_of(ROOT / page) if (why := unsayable(c))}
    assert wrong == {}


def test_every_command_in_the_sources_exists():
    """Hints, docstrings, welcome texts: all that stands between backticks."""
    wrong = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        for command in pages.commands_in(path.read_text(encoding="utf-8")):
            if why := unsayable(command):
                wrong[f"{path.relative_to(ROOT)}: volano {' '.join(command)}"] = why
    assert wrong == {}


def test_every_next_command_exists():
    said = [pages.words(verb.next.removeprefix("volano ")) for verb in VERBS if verb.next]
    assert {" ".join(c): why for c in said if (why := unsayable(c))} == {}


@pytest.mark.parametrize("station", STATIONS)
def test_an_empty_list_shows_a_command_that_exists(station):
    command = STATIONS[station].command.format(address="127.0.0.1:7070")
    name, _, rest = command.partition(" ")
    if name == "volano":
        assert unsayable(pages.words(rest), complete=True) == ""
    else:
        assert name == "curl"
        body = json.loads(re.search(r"-d '(.*)'", command)[1])
        assert body["messages"]


def test_the_checker_of_commands_sees_what_is_wrong():
    for wrong in (
        "audit list",
        "key create NAME --save",
        "data add tickets.jsonl --name tickets",
        "gateway restart",
        "up --prot 1",
        "release abort a b",
    ):
        assert unsayable(wrong.split()), wrong
    assert unsayable(["data", "add", "tickets"], complete=True)


def unsayable(command: list[str], *, complete: bool = False) -> str:
    """Return why a command cannot be said; empty when it can. `…` stands for anything."""
    options, command = {**_options(root), "--help": False}, list(command)
    while command and command[0].startswith("-"):
        flag = command.pop(0)
        if flag not in options:
            return f"no option {flag}"
        if options[flag] and command:
            command.pop(0)
    if not command or command[0] in {"…", "noun"}:
        return ""
    name, *rest = command
    found = root.get_command(click.Context(root), name) if name in (*BARE, *NOUNS) else None
    if found is None:
        return f"no command {name}"
    if isinstance(found, click.Group):
        if not rest or rest[0] in {"…", "--help"}:
            return ""
        if rest[0] not in found.commands:
            return f"{name} has no verb {rest[0]}"
        found, rest = found.commands[rest[0]], rest[1:]
        if isinstance(found, click.Group):
            if not rest or rest[0] in {"…", "--help"}:
                return ""
            if rest[0] not in found.commands:
                return f"{name} {found.name} has no verb {rest[0]}"
            found, rest = found.commands[rest[0]], rest[1:]
    return _unfit(found, rest, complete=complete)


def _unfit(command: click.Command, given: list[str], *, complete: bool) -> str:
    options, positional, seen = _options(command), [], set()
    words = iter(given)
    for word in words:
        if not word.startswith("--") and word not in options:
            positional.append(word)
        elif word not in options and word != "--help":
            return f"no option {word}"
        elif options.get(word):
            seen.add(word)
            next(words, None)
    takes = [p for p in command.params if isinstance(p, click.Argument)]
    if "…" not in positional and len(positional) > len(takes):
        return f"takes {len(takes)} arguments, not {positional}"
    if complete:
        needed = {p.opts[0] for p in command.params if isinstance(p, click.Option) and p.required}
        if len(positional) < len(takes) or needed - seen:
            return f"lacks {[p.name for p in takes[len(positional) :]]} {needed - seen}"
    return ""


def _options(command: click.Command) -> dict[str, bool]:
    """Return each option's spelling, and whether it takes a value."""
    found = [p for p in command.params if isinstance(p, click.Option)]
    return {spelling: not p.is_flag for p in found for spelling in p.opts}


CAPTURED = {
    "VOLANO_KEY": "$THE_KEY",
    "TRACE": '$(volano trace last --json | python3 -c "$PICK" id)',
    "RUN": '$(volano run list --limit 1 --json | python3 -c "$PICK" id)',
    "ROLLOUT": '$(volano release rollouts --limit 1 --json | python3 -c "$PICK" id)',
    "KEY_ID": '$(volano key list --json | python3 -c "$PICK" id)',
    "PROVIDER_URL": "$THE_URL/v1",
    "PROVIDER_MODEL": "ticket-router",
}
"""What a reader copies from the screen, or has of their own, as the test finds it."""

PICK = (
    "import json, sys; v = json.load(sys.stdin); v = v[0] if isinstance(v, list) else v; "
    "print(v[sys.argv[1]])"
)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Up"]:
    """One platform for all pages: they use different names."""
    with platform(tmp_path_factory.mktemp("docs")) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in LIVED if page != POSTGRES])
def test_what_a_page_tells_to_do_happens(page, up, tmp_path):
    """Each `sh` and `python` block is run; a `text` block right after it is what it printed."""
    live(list(runnable(DOCS / page)), up, tmp_path)


@pytest.mark.slow
def test_what_is_told_of_postgres_happens(tmp_path):
    with postgres_url() as url:
        catalog = url.render_as_string(hide_password=False)
        with platform(tmp_path, VOLANO_CATALOG=catalog) as running:
            live(list(runnable(DOCS / POSTGRES)), running, tmp_path)


def live(steps: list[tuple[Block, str]], run: "Up", tmp_path: Path) -> None:
    """Run the blocks in one shell, then compare what each printed with what the page shows."""
    script = ["set -eu", "set -o pipefail"]
    for number, (block, _) in enumerate(steps):
        out = tmp_path / f"{number}.out"
        script += [f"{{\n{spoken(block, run.url)}\n}} > {shlex.quote(str(out))} 2>&1"]
    path = tmp_path / "page.sh"
    path.write_text("\n".join(script) + "\n")
    done = subprocess.run(
        ["bash", str(path)], cwd=run.home, env=run.environment, timeout=150,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    for number, (block, shown) in enumerate(steps):
        out = tmp_path / f"{number}.out"
        printed = out.read_text() if out.exists() else "(never reached)"
        where = f"line {block.line}:\n{block.text}\n--- printed\n{printed}\n{done.stderr[-500:]}"
        last = not (tmp_path / f"{number + 1}.out").exists()
        assert done.returncode == 0 or not last, where
        assert not shown or fits(shown, printed), f"{where}\n--- shown in the page\n{shown}"


def runnable(page: Path) -> Iterator[tuple[Block, str]]:
    """Yield each block to run with what the page shows as its output."""
    every = list(pages.blocks(page))
    for block, after in zip(every, [*every[1:], Block("", "", 0)], strict=True):
        if block.needs == "train" and importlib.util.find_spec("torch") is None:
            return
        if block.language == "python" and importlib.util.find_spec("openai") is None:
            continue
        if block.language in {"sh", "python"}:
            yield block, after.text if after.language == "text" else ""


def spoken(block: Block, url: str) -> str:
    """Return the block as it is run here: this address, and what a reader would copy."""
    text = block.text.replace("http://127.0.0.1:7070", url)
    if block.language == "python":
        return f"python3 - <<'THE_END'\n{text}\nTHE_END"
    for name, value in CAPTURED.items():
        text = re.sub(rf"^(export )?{name}=.*$", rf"\g<1>{name}={value}", text, flags=re.MULTILINE)
    return text


def fits(shown: str, printed: str) -> bool:
    """Whether the output is as shown, `…` standing for anything; spaces and tabs do not count."""
    shown, printed = (" ".join(text.split()) for text in (shown, printed))
    pattern = ".*?".join(re.escape(part) for part in shown.split("…"))
    return re.fullmatch(pattern, printed) is not None


class Up:
    """`volano up` in a folder of its own, and a shell's environment that speaks to it."""

    def __init__(self, tmp_path: Path, **settings: str):
        self.home = tmp_path / "home"
        self.home.mkdir()
        self.log = tmp_path / "up.log"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("VOLANO_")},
            "PATH": f"{_programs(tmp_path)}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "src"),
            "PICK": PICK,
            **settings,
        }
        self.say("init")
        made = json.loads(self.say("key", "create", "reader", "--json"))
        self.environment |= dict.fromkeys(("THE_KEY", "VOLANO_KEY", "PROVIDER_KEY"), made["text"])

    def say(self, *command: str) -> str:
        done = subprocess.run(
            ["volano", *command], cwd=self.home, env=self.environment, timeout=60,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            running = subprocess.Popen(
                ["volano", "up", "--port", "0"],
                cwd=self.home, env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + 90
        while "Ready in" not in (text := self.log.read_text()):
            assert running.poll() is None and time.monotonic() < until, text
            time.sleep(0.05)
        self.url = re.search(r"gateway +(http://[^/]+)/v1", text)[1]
        self.environment["THE_URL"] = self.url
        return running


@contextmanager
def platform(folder: Path, **settings: str) -> Iterator[Up]:
    up = Up(folder, **settings)
    running = up.start()
    try:
        yield up
    finally:
        running.send_signal(signal.SIGINT)
        try:
            running.wait(40)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def _programs(tmp_path: Path) -> Path:
    """Put `volano` and `python3` first in the path, both of this environment."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, words in (("volano", ("-m", "volano.cli.main")), ("python3", ())):
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, *words])} "$@"\n')
        program.chmod(0o755)
    return folder
