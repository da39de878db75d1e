"""`volano trace tail`: what is recorded, line by line as it comes, until Ctrl-C."""

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

import click

from volano.cli import talk
from volano.cli.cells import cell, styled
from volano.cli.cells import talk as tell
from volano.core.errors import UnavailableError
from volano.settings import load
from volano.web.api.verb import Verb

EVERY_S = 0.5
AWAY_S = 30.0
"""So long control may be away, as when it restarts, before the tail gives up."""


class NothingRunsError(UnavailableError):
    """volano is not up here, so that nothing new will be recorded."""

    hint = "Start it with `volano up`, or see what is there with `volano trace list`."


def follow(verb: Verb, arguments: Mapping[str, Any], *, home: str | None, as_json: bool) -> None:
    """Print what is recorded from now on; with `after`, from there on.

    Raises:
        NothingRunsError: volano is not up.
    """
    settings = load(home)
    asked = dict(arguments)
    seen_s = time.monotonic()
    first = True
    while True:
        try:
            answer = talk.ask(settings, verb.method, f"/api/v1{verb.path}", asked, timeout_s=30)
        except talk.ControlAwayError:
            if time.monotonic() - seen_s > AWAY_S:
                raise
            time.sleep(EVERY_S)
            continue
        if answer is None:
            raise NothingRunsError
        if first:
            first = False
            tell("following; Ctrl-C ends it")
        seen_s = time.monotonic()
        page = answer[0]
        for row in page["rows"]:
            click.echo(json.dumps(row, ensure_ascii=True) if as_json else _line(row))
        sys.stdout.flush()
        asked["after"] = page["next"]
        if not page["rows"]:
            time.sleep(EVERY_S)


def _line(row: Mapping[str, Any]) -> str:
    """Return one row on a line: when, how long, how it ended, what, and its words."""
    bad = row["outcome"] in ("error", "cut")
    outcome = styled(f"{row['outcome']:<7}", sys.stdout, fg="red" if bad else "green")
    said = row.get("error") or row.get("output_text") or row.get("input_text") or ""
    name = row.get("name") or row.get("channel") or "-"
    return "  ".join(
        (
            cell("began_us", row["began_us"]),
            f"{cell('latency_us', row['latency_us']):>11}",
            outcome,
            f"{cell('', name):<20}",
            row["id"],
            cell("", said)[:120],
        )
    )
