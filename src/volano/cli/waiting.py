"""Waiting for a Run: progress on a terminal, then what came of it, and an exit code that tells.

0: done, and every gate said yes. 1: it failed, or could not be measured. 2: what was said cannot
be meant. 3: a gate said no.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from volano.cli import talk
from volano.cli.cells import jsoned, visible
from volano.cli.cells import talk as tell
from volano.cli.root import EXITS
from volano.core.errors import GateError, InvalidError, NotFoundError, VolanoError
from volano.settings import load

ACTIVE = ("queued", "running")
FAILED, SAID_NO = 1, EXITS[GateError.__name__]
POLL_S = 0.3
_NEXT = {
    "model.": "model show", "eval.search": "model show", "eval.improve": "prompt show",
    "judge.": "judge report",
}  # fmt: skip
"""What shows the thing that a kind of Run made, where it is no report of scores."""
_MADE = ("model show", "prompt show")
"""Its name is told: it is what was asked for."""
_CODES = {"stopped": SAID_NO, "unmeasured": FAILED}


@contextmanager
def usage() -> Iterator[None]:
    """Mark an error of what was said, before any Run: a program tells it from a Run that failed."""
    try:
        yield
    except VolanoError as error:
        told = getattr(error, "status", 0) in (400, 404, 422)
        error.usage = told or isinstance(error, InvalidError | NotFoundError)  # type: ignore[attr-defined]
        raise


def attend(run: dict[str, Any], *, home: str | None, as_json: bool) -> int:
    """Wait until a Run is over, show what came of it, and return the exit code."""
    run = over(run, home=home, quiet=as_json)
    if as_json:
        click.echo(jsoned(run))
    else:
        _show(run)
    return code(run)


def over(run: dict[str, Any], *, home: str | None, quiet: bool = False) -> dict[str, Any]:
    """Return a Run when it is over; on a terminal its progress is drawn."""
    if run["state"] in ACTIVE and not quiet:
        tell(f"Run {run['id']}  ctrl-c leaves it running: volano run wait {run['id']}")
    with drawing(quiet=quiet) as draw:
        while run["state"] in ACTIVE:
            draw(run)
            time.sleep(POLL_S)
            run = _now(run["id"], home)
    return run


@contextmanager
def drawing(*, quiet: bool) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Give what draws how a Run stands on one line of a terminal; nothing is drawn elsewhere."""
    on, drawn = sys.stderr.isatty() and not quiet, False

    def draw(run: Mapping[str, Any]) -> None:
        nonlocal drawn
        if on:
            drawn = True
            click.echo(f"\r\x1b[2K{bar(run)}", nl=False, err=True)

    try:
        yield draw
    finally:
        if drawn:
            click.echo("\r\x1b[2K", nl=False, err=True)


def good(run: dict[str, Any]) -> dict[str, Any]:
    """Return a Run that is over and done.

    Raises:
        RemoteGateError: a gate stopped it.
        RemoteError: it failed otherwise, or was cancelled.
    """
    if run["state"] == "done":
        return run
    error = run.get("error") or {}
    gate, log = bool(error.get("gate")), f"`volano run log {run['id']}`"
    hint = str(error.get("hint") or f"Try it once more with `volano run retry {run['id']}`.")
    if error.get("away"):
        hint = f"{hint} Then {_onward(run)}"
    content = {
        "code": "run_stopped" if gate else "run_failed",
        "message": str(error.get("message") or f"The Run {run['id']} is {run['state']}."),
        "hint": hint if log in hint else f"{hint} More: {log}.",
    }
    raise (talk.RemoteGateError if gate else talk.RemoteError)(content, 0)


def code(run: Mapping[str, Any]) -> int:
    """Return the exit code that a Run which is over has earned."""
    if run["state"] != "done":
        return SAID_NO if (run.get("error") or {}).get("gate") else FAILED
    return _CODES.get((run.get("outputs") or {}).get("outcome", ""), 0)


def bar(run: Mapping[str, Any]) -> str:
    """Return how far a Run is: answers, rate, time left, errors and cost so far."""
    now = run.get("progress")
    if not now:
        return f"{run['state']} …"
    said = now.get("metrics") or {}
    if said.get("scored") is not None:
        return f"{now['step']:,}/{now['of']:,} scored"
    parts = [f"{now['step']:,}/{now['of']:,}" if now["of"] else f"{now['step']:,}"]
    if said.get("loss") is not None:
        parts.append(f"loss {said['loss']:.4f}")
    if said.get("rate"):
        parts.append(f"{said['rate']:,.0f} a second")
    if said.get("rows_per_s"):
        parts.append(f"{said['rows_per_s']:,.0f} rows a second")
    if said.get("left_s") is not None:
        parts.append(f"{_time(said['left_s'])} left")
    if said.get("errors"):
        parts.append(f"{said['errors']:,.0f} errors")
    if said.get("cost") is not None:
        parts.append(f"cost {said['cost']:.4f}")
    return "  ".join(parts)


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _now(run_id: str, home: str | None) -> dict[str, Any]:
    found = talk.ask(load(home), "GET", f"/api/v1/runs/{run_id}", {})
    if found is None:
        raise talk.ControlAwayError
    return dict(found[0])


def _show(run: Mapping[str, Any]) -> None:
    out = run.get("outputs") or {}
    click.echo(f"Run {run['id']}  {run['kind']} {run['name']} {run['state']}")
    if run["state"] != "done":
        error = run.get("error") or {}
        tell(f"error: {visible(str(error.get('message', run['state'])))}", dim=False)
        if error.get("hint"):
            tell(f"hint:  {visible(str(error['hint']))}")
        if error.get("away") or run["state"] == "cancelled":
            tell(f"next:  {_onward(run)}")
        return
    for warning in out.get("warnings") or ():
        tell(f"warning: {visible(str(warning))}", dim=False)
    if "states" in out:
        _outcome(out)
    elif "gates" in out:
        _gates(out)
    if "verdict" in out:
        click.echo(visible(str(out["verdict"])))
    if "report" in out:
        tell(f"next:  volano eval show {out['report']}")
    if "ref" in out:
        said = next(
            (said for kind, said in _NEXT.items() if run["kind"].startswith(kind)), "eval show"
        )
        if said.endswith(_MADE):
            click.echo(out["ref"])
        tell(f"next:  volano {said} {out['ref']}")


def _onward(run: Mapping[str, Any]) -> str:
    return f"`volano run retry {run['id']}` goes on where it stopped."


def _outcome(out: Mapping[str, Any]) -> None:
    states = "  ".join(f"{n} {state}" for state, n in out["states"].items() if n)
    known = f", {out['remembered']} known from before" if out.get("remembered") else ""
    click.echo(f"{out['ref']}  {states}  ({out['asked']} asked{known})")
    _gates(out)


def _gates(out: Mapping[str, Any]) -> None:
    for gate in out["gates"]:
        click.echo(f"  {gate['found']:<10}  {visible(gate['gate'])}: {visible(gate['why'])}")
    click.echo(f"{out['outcome']}: {visible(out['why'])}")
