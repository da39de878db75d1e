"""`volano report`: a period told to those who do not use the console, as one file."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import click

from volano.cli import talk
from volano.cli.cells import jsoned
from volano.cli.cells import talk as tell
from volano.core.clock import SystemClock
from volano.core.errors import InvalidError, UnavailableError
from volano.settings import load

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PRINTING_S = 60


class NoBrowserError(UnavailableError):
    """A PDF is printed by Chromium, and there is none on this machine."""

    hint = "Install it (Debian: `apt install chromium`), or say `volano report --to report.html` and print that."


class NotPrintedError(UnavailableError):
    """Chromium did not print it: {why}."""

    hint = "Say `volano report --to report.html` and print that from any browser."


class BadEndingError(InvalidError):
    """The report cannot be written as `{name}`."""

    hint = "Its name ends in .html or .pdf."


@click.command(
    "report",
    help="Write what a period ran, cost, changed, broke and was worth: one HTML or PDF file.",
)
@click.option("--since", default="7d", help="A date, or so long ago: 2026-05-01, 7d. [default: 7d]")
@click.option("--until", default="", help="A date, or so long ago; now, if not given.")
@click.option("--channel", default="", help="Only calls of this channel.")
@click.option("--to", default="report.html", type=click.Path(dir_okay=False, path_type=Path),
              help="The file: .html, or .pdf where Chromium is. [default: report.html]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON, write no file.")
@click.pass_context
def command(
    ctx: click.Context, since: str, until: str, channel: str, to: Path, as_json: bool
) -> None:
    """Ask what was, and write it down."""
    from volano.web.api import VERBS

    ending = to.suffix.lower()
    if not as_json and ending not in (".html", ".htm", ".pdf"):
        raise BadEndingError(name=to.name)
    browser = find_browser() if ending == ".pdf" and not as_json else ""
    verb = next(one for one in VERBS if (one.noun, one.name) == ("kpi", "report"))
    given = {"since": since, "until": until, "channel": channel}
    asked = {name: value for name, value in given.items() if value}
    facts = talk.say(verb, asked, home=ctx.obj["home"])
    if as_json:
        click.echo(jsoned(facts))
        return
    text = _drawn(facts, load(ctx.obj["home"]).home.name)
    if browser:
        printed(text, to, browser)
    else:
        to.write_text(text, encoding="utf-8")
    tell(f"{to} is written.")


def _drawn(facts: dict[str, Any], workspace: str) -> str:
    from volano.monitor.period import Period
    from volano.web.pages import paper

    return paper.html(Period.read(facts), workspace=workspace, now_us=SystemClock().now_us())


def find_browser(path: str | None = None) -> str:
    """Return where Chromium is.

    Raises:
        NoBrowserError: nowhere.
    """
    found = next((at for name in BROWSERS if (at := shutil.which(name, path=path))), None)
    if found is None:
        raise NoBrowserError
    return found


def printed(text: str, to: Path, browser: str) -> None:
    """Have a page printed. Nothing in it runs or is loaded: it has neither scripts nor addresses.

    Raises:
        NotPrintedError: the browser did not; says why.
    """
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "report.html")
        page.write_text(text, encoding="utf-8")
        paper = Path(folder, "report.pdf")
        # A browser run by root has no sandbox of its own.
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        try:
            done = subprocess.run(
                [browser, "--headless", "--disable-gpu", *root, "--no-pdf-header-footer",
                 f"--user-data-dir={folder}/profile", f"--print-to-pdf={paper}", page.as_uri()],
                capture_output=True, timeout=_PRINTING_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise NotPrintedError(why=f"it took more than {_PRINTING_S} s") from error
        if done.returncode or not paper.exists():
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise NotPrintedError(why=(last or [f"it ended with {done.returncode}"])[0][:200])
        shutil.copyfile(paper, to)
