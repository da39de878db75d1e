"""`volano demo`: live the whole loop once, with real parts, in a fresh folder.

`story` tells the ten steps, `scenario` brings the rows (made tickets, or a
file), `traffic` plays the users, `platform` starts volano as `volano up` does.
"""

from pathlib import Path
from typing import Any

import click


@click.command("demo", help="Live the whole loop once, on a small model trained now.")
@click.option("--data", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="CSV or JSONL with a text and a label column, instead of made tickets.")  # fmt: skip
@click.option("--test", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Test rows for --data; else a fifth is split off.")  # fmt: skip
@click.option("--seed", type=int, default=0, help="Seed of rows, weights and traffic. [default: 0]")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path),
              help="Where to work; it must not exist. [default: volano-demo]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print each step's result as a line of JSON.")
def command(folder: Path | None, as_json: bool, **given: Any) -> None:
    """Run the story."""
    from volano.cli.demo.story import Story

    Story(folder=folder, as_json=as_json, **given).run()
