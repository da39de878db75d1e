"""`volano plan` and `volano apply`: files say what should be; registry and channels follow."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from volano.cli import talk, worded
from volano.cli.cells import jsoned, styled, visible
from volano.cli.cells import talk as tell
from volano.cli.root import EXITS
from volano.core.errors import InvalidError

_ENDINGS = (".yaml", ".yml")
_MOST_BYTES = 32 * 2**20
_SIGNS = {
    "new": ("+", "green"),
    "changed": ("~", "yellow"),
    "same": ("=", ""),
    "left": ("-", "red"),
}

_files = click.option(
    "-f", "--file", "places", multiple=True, required=True, type=click.Path(exists=True, path_type=Path),
    help="A YAML file, or a folder of them; again and again.",
)  # fmt: skip
_prune = click.option(
    "--prune", is_flag=True, help="What was applied and is in no file now loses its labels."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


class UnreadableFilesError(InvalidError):
    """`{place}` cannot be read: {why}."""

    hint = "Files are YAML in UTF-8, in all at most 32 MiB."


@click.command("plan", help="Say what files would change here; change nothing.")
@_files
@_prune
@click.option("--check", is_flag=True, help="End with 3 where something would change.")
@_json
@click.pass_context
def plan(
    ctx: click.Context, places: tuple[Path, ...], prune: bool, check: bool, as_json: bool
) -> None:
    """Show what would change."""
    found = _say(ctx, "plan", {"files": read(places), "prune": prune})
    if as_json:
        click.echo(jsoned(found))
    else:
        _show(found)
        if found["ok"] and found["pending"]:
            also = " --prune" if prune else ""
            tell(f"next:  volano apply -f {' -f '.join(map(str, places))}{also}")
    if not found["ok"] or (check and found["pending"]):
        ctx.exit(EXITS["GateError"])


@click.command("apply", help="Save what differs from files as new versions, and set labels.")
@_files
@click.option("--why", default="", help="Why, for those who look at the versions later.")
@click.option("--overwrite", is_flag=True, help="Where the registry is newer, the files are right.")
@_prune
@_json
@click.pass_context
def apply(
    ctx: click.Context,
    places: tuple[Path, ...],
    why: str,
    overwrite: bool,
    prune: bool,
    as_json: bool,
) -> None:
    """Save what differs."""
    asked = {"files": read(places), "why": why, "overwrite": overwrite, "prune": prune}
    found = _say(ctx, "apply", asked)
    if as_json:
        click.echo(jsoned(found))
    else:
        _show(found)
    if not found["ok"]:
        ctx.exit(EXITS["GateError"])


def read(places: tuple[Path, ...]) -> list[dict[str, str]]:
    """Return the files that were named, and those in folders, in the order of their paths.

    Raises:
        UnreadableFilesError: one is no text, or it is too much.
    """
    found, size = [], 0
    for path in dict.fromkeys(file for place in places for file in _within(place)):
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise UnreadableFilesError(place=path, why=why) from error
        size += len(text)
        if size > _MOST_BYTES:
            raise UnreadableFilesError(place=path, why="it is too much")
        found.append({"path": path.as_posix(), "text": text})
    return found


def _within(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return
    hidden = len(place.parts)
    for path in sorted(place.rglob("*")):
        seen = not any(part.startswith(".") for part in path.parts[hidden:])
        if seen and path.suffix.lower() in _ENDINGS and path.is_file():
            yield path


def _say(ctx: click.Context, name: str, asked: dict[str, Any]) -> Any:
    from volano.web.api import VERBS

    verb = next(one for one in VERBS if (one.noun, one.name) == ("registry", name))
    return talk.say(verb, asked, home=ctx.obj["home"])


def _show(found: Mapping[str, Any]) -> None:
    """Draw each change: a line, what differs below it, and what stands against it."""
    for one in found["changes"]:
        sign, colour = _SIGNS[one["action"]]
        said = f"{sign} {one['kind']} {visible(one['name'])}"
        ref = f"  {visible(one['ref'])}" if one["ref"] else ""
        mark = styled(said, sys.stdout, fg=colour) if colour else said
        click.echo(f"{mark}  {one['action']}{ref}")
        if not found["applied"] or not found["ok"]:
            worded.parts(one["parts"])
        moved = ("moves here", "is here") if one["action"] != "left" else ("goes", "is gone")
        for label in one["labels"]:
            click.echo(f"  label {visible(label)} {moved[found['applied']]}")
        for why in one["drift"]:
            click.echo(f"  drift: {visible(why)}")
    if not found["ok"]:
        tell("Nothing was saved: the registry holds what the files do not know.", dim=False)
        drifted = {one["kind"]: one["name"] for one in found["changes"] if one["drift"]}
        if "Rollout" in drifted:
            tell(f"next:  volano release status {drifted['Rollout']}; or apply with --overwrite")
        else:
            tell("next:  volano prompt export NAME > its file; or apply with --overwrite")
