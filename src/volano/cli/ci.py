"""`volano ci`: judge a change in this repository, and end with a code that a pipeline understands."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from volano.app import folder as folders
from volano.cli import talk, waiting
from volano.cli.cells import jsoned, lines, visible
from volano.cli.cells import talk as tell
from volano.settings import load

_NAMES = ("base", "rules", "everything", "allow_missing", "allow", "register", "console")


@click.command("ci", help="Judge what changed here by the suites that it affects.")
@click.option("--base", help="What to compare with. Default: the remote's main branch.")
@click.option("--repo", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="The repository. Default: here.")  # fmt: skip
@click.option("--rules", default="ci.yaml", show_default=True, help="The file with the checks.")
@click.option("--all", "everything", is_flag=True, help="Run every check, affected or not.")
@click.option("--record", is_flag=True, help="Keep the answers in the repository.")
@click.option("--replay", is_flag=True, help="Ask nobody: use recorded answers only.")
@click.option(
    "--allow-missing", is_flag=True, help="In a replay: what is not recorded is unmeasured."
)
@click.option("--allow", multiple=True, metavar="URL[=VARIABLE]",
              help="A server that may be asked, and the key it may get, though the base has neither.")  # fmt: skip
@click.option(
    "--comment", type=click.Path(dir_okay=False, path_type=Path), help="Write Markdown here."
)
@click.option(
    "--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML here."
)
@click.option("--register", is_flag=True, help="Where every gate holds, apply the files (--home).")
@click.option(
    "--console",
    metavar="URL",
    help="Keep the answers (--home); rows that fell are links to this console.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def command(ctx: click.Context, **given: Any) -> None:
    """Judge what changed."""
    if given["record"] and given["replay"]:
        raise click.UsageError("--record asks, --replay does not: say one of them.", ctx)
    for name in ("comment", "junit"):
        if given[name]:
            _check_place(f"--{name}", given[name], ctx)
    repo = given["repo"].resolve()
    asked = {"repo": str(repo), **{name: given[name] for name in _NAMES if given[name] is not None}}
    asked["mode"] = "record" if given["record"] else "replay" if given["replay"] else "live"
    with _home(ctx.obj["home"], repo, needed=bool(given["register"] or given["console"])) as home:
        with waiting.usage():
            run = _say(asked, home)
        run = waiting.over(run, home=home, quiet=given["as_json"])
    out = run.get("outputs") or {}
    for name in ("comment", "junit"):
        if given[name] and out:
            _write(given[name], out["markdown" if name == "comment" else name])
    if given["as_json"]:
        click.echo(jsoned(run))
    else:
        _show(run, out)
    ctx.exit(waiting.code(run))


def _say(asked: dict[str, Any], home: str | None) -> dict[str, Any]:
    from volano.web.api.ci import VERBS

    return dict(talk.say(VERBS[0], asked, home=home))


@contextmanager
def _home(given: str | None, repo: Path, *, needed: bool) -> Iterator[str | None]:
    """Give the workspace that was named, or one here that is no part of the repository, or a new one."""
    from volano.adapters.git import GitRepository

    if given or os.environ.get("VOLANO_HOME"):
        _ready(given)
        yield given
        return
    if (repo / ".volano").is_dir() and not GitRepository(repo).tracks(".volano"):
        yield str(repo)
        return
    if needed:
        raise click.UsageError("--register and --console need a workspace: name it with --home.")
    with tempfile.TemporaryDirectory(prefix="volano-ci-") as place:
        _ready(place)
        yield place


def _ready(home: str | None) -> None:
    settings = load(home)
    if not settings.folder.exists():
        folders.make(settings)


def _check_place(option: str, place: Path, ctx: click.Context) -> None:
    """Make sure that a file can be written, before anybody is asked for what shall stand in it."""
    folder = place.parent
    if not folder.is_dir():
        raise click.UsageError(f"{option}: there is no folder {folder}. Make it first.", ctx)
    if place.is_dir():
        raise click.UsageError(f"{option}: {place} is a folder. Name a file in it.", ctx)
    if not os.access(place if place.exists() else folder, os.W_OK):
        raise click.UsageError(f"{option}: {place} cannot be written. Name another file.", ctx)


def _write(place: Path, text: str) -> None:
    try:
        place.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise click.FileError(str(place), error.strerror) from error


def _show(run: Mapping[str, Any], out: Mapping[str, Any]) -> None:
    if run["state"] != "done":
        error = run.get("error") or {}
        tell(f"error: {visible(str(error.get('message', run['state'])))}", dim=False)
        if error.get("hint"):
            tell(f"hint:  {visible(str(error['hint']))}")
        return
    click.echo(lines(out["text"]))
    if out["why"] != out["text"].rpartition("\n")[2]:
        click.echo(visible(out["why"]))
    for ref in out["registered"]:
        click.echo(f"registered  {visible(ref)}")
