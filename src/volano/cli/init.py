"""`volano init`: make the state folder and what the first `up` would make."""

import click

from volano.app import folder as folders
from volano.cli.cells import talk as tell
from volano.cli.talk import offline
from volano.settings import load


@click.command("init", help="Make the state folder without starting anything.")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Make `.volano/`, its keys and its catalog."""
    settings = load(ctx.obj["home"])
    folders.make(settings)
    with offline(settings) as app:
        app.furnish()
    click.echo(f"{settings.folder} is ready.")
    tell("next:  volano up")
