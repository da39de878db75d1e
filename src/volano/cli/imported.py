"""How the report of an import looks: what was made, then each key that is not as it was."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from volano.cli.cells import table, talk, visible


def imported(value: Mapping[str, Any]) -> None:
    """Draw the report; what to do next goes to stderr."""
    made, new = value["made"], value["new"]
    dry = value["dry_run"]
    there, would = ("is there", "would be new") if dry else ("was there", "new")
    table(
        [
            {
                "state": would if row["new"] else there,
                **{k: row[k] for k in ("what", "name", "says")},
            }
            for row in made
        ],
        ("state", "what", "name", "says"),
    )
    _listed("Carried over in another way", value["differs"])
    _listed("Not carried over", value["left"])
    count = len(value["carried"]), len(value["differs"]), len(value["left"])
    click.echo("\nKeys of the file: {} carried over, {} in another way, {} not.".format(*count))
    if dry:
        click.echo("Nothing was made: this was a dry run.")
    elif not new:
        click.echo("Nothing is new.")
    for note in value["notes"]:
        talk(f"note:  {visible(note)}", dim=False)
    if not dry and any(row["what"] == "channel" for row in made):
        talk("next:  volano key create NAME --scopes 'chat:*'")


def _listed(title: str, remarks: Sequence[Mapping[str, str]]) -> None:
    """Print each key with its reason, none of them cut."""
    if not remarks:
        return
    click.echo(f"\n{title}:")
    for remark in remarks:
        click.echo(f"  {visible(remark['key'])}: {visible(remark['why'])}")
