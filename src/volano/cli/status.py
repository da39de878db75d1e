"""`volano status`: one screen of what serves, what moves, what works."""

import json
from typing import Any

import click

from volano.cli import talk
from volano.cli.cells import cell, jsoned
from volano.cli.cells import talk as tell
from volano.gateway.key_variables import KeyVariables
from volano.settings import Settings, load


@click.command("status", help="Show what serves, what moves, what works, on one screen.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show the state of this folder's platform."""
    settings = load(ctx.obj["home"])
    held = talk.holder(settings)
    answer = talk.ask(settings, "GET", "/api/v1/status", {}) if held else None
    status = {"up": bool(held), "holder": held, **(answer[0] if answer else {})}
    if as_json:
        click.echo(jsoned(status))
        return
    if answer is None:
        click.echo(f"volano is not running in {settings.home}")
        tell("next:  volano up")
        return
    _show(settings, status)


def _show(settings: Settings, status: dict[str, Any]) -> None:
    held = status["holder"] or {}
    url = held.get("url", settings.url)
    click.echo(
        f"volano is up     process {held.get('pid')}, since {cell('since_us', held.get('since_us'))}"
    )
    click.echo(f"gateway          {url}/v1")
    click.echo(f"console          {url}/?session={status.get('session', '')}")
    refused = status.get("refused", {})
    for name, why in refused.items():
        click.echo(f"channel          {name} is refused: {cell('why', why)}")
        tell(
            f"next:  volano release promote RELEASE --channel {name} --plan 100%  "
            "(one that `volano release verify` finds sound)"
        )
    for channel in status.get("channels", []):
        if channel["name"] in refused:
            continue
        moving = ""
        if channel.get("candidate_ref"):
            moving = f"   {channel['candidate_ref']} has {cell('share', channel['share'])}"
        click.echo(f"channel          {channel['name']} serves {channel['stable_ref']}{moving}")
    for run in status.get("runs", []):
        name = cell("name", run["name"])
        click.echo(f"run              {run['id']}  {run['kind']} {name}  {run['state']}")
    for name, child in sorted(_children(settings).items()):
        again = f"   started again {child['restarts']} times" if child["restarts"] else ""
        leaving = child.get("leaving", [])
        if child["pid"] is not None or not leaving:
            click.echo(f"process          {name}  {child['pid']}{again}")
        for pid in leaving:
            click.echo(f"process          {name}  {pid}   is leaving")
    counts = status.get("traces", {})
    click.echo(f"last hour        {counts.get('calls', 0)} calls, {counts.get('errors', 0)} errors")
    for row in status.get("missing_keys", []):
        where = f" ({', '.join(row['channels'])})" if row["channels"] else ""
        named = KeyVariables(row["key_env"], mark="")
        wants = f"wants {named.needed}, which {named.not_set}"
        click.echo(f"key missing      {row['model']}{where} {wants}")
    waiting = status.get("waiting_for", [])
    if waiting:
        click.echo(f"waiting for      {', '.join(waiting)}")


def _children(settings: Settings) -> dict[str, Any]:
    path = settings.path("run", "state.json")
    try:
        children: dict[str, Any] = json.loads(path.read_text())["children"]
        return children
    except (OSError, ValueError, KeyError):
        return {}
