"""What a release brought along from the environments before, below its rollout."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from volano.cli.cells import cell

Verdicts = Callable[[Sequence[Mapping[str, Any]]], None]


def draw(
    carried: Sequence[Mapping[str, Any]], skipped: Mapping[str, Any] | None, verdicts: Verdicts
) -> None:
    """Draw each environment with what was shown there, and what it went without."""
    for one in carried:
        at = {name: cell(name, item) for name, item in one.items()}
        served = f"served {_span(one['served_s'])}, {one['answered']} calls answered"
        click.echo(f"from {at['environment']}   arrived {at['arrived_us']}   {served}")
        click.echo(f"  rollout {at['rollout']}   reports {', '.join(one['reports']) or 'none'}")
        if one["reason"]:
            click.echo(f"  {at['reason']}")
        verdicts(one["verdicts"])
    if skipped:
        without = cell("", ", ".join(skipped["environments"]))
        click.echo(f"went without {without}: {cell('', skipped['reason'])}")


def _span(seconds: int) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds} s"
