"""How a look for drift is shown: its answer, a row for each question, and the topics that moved."""

from collections.abc import Mapping
from typing import Any

import click

from volano.cli.cells import table, talk, visible

_WORDS = 4


def look(value: Mapping[str, Any]) -> None:
    """Show a look: the answer first, what is certain before what is not."""
    click.echo(answer(value))
    order = {"drift": 0, "none": 1, "insufficient evidence": 2}
    findings = sorted(value["findings"], key=lambda f: (order[f["state"]], f["slice"] != "all"))
    if findings:
        table([_row(f) for f in findings], ())
    moved = [t for t in value["topics"] if _moved(t)] if value["state"] == "drift" else []
    if moved:
        click.echo("")
        table([_topic(t) for t in moved], ())
        talk(f"next:  volano drift dataset {value['id']} --name moved")


def answer(value: Mapping[str, Any]) -> str:
    """Return the answer in a sentence."""
    seen = f"{value['n']} calls of {value['units']} users, sessions or lone calls"
    if value["state"] == "drift":
        return f"drift: {visible(value['moved'])} ({seen})"
    if value["state"] == "none":
        return f"none: nothing as large as asked for has moved ({seen})"
    wanted = f"; {value['needed']} users or sessions would do" if value["needed"] else ""
    return f"insufficient evidence: {seen}{wanted}"


def _row(finding: Mapping[str, Any]) -> dict[str, Any]:
    p, effect = finding["p"], finding["effect"]
    return {
        "signal": finding["signal"],
        "slice": finding["slice"],
        "state": finding["state"],
        "p": None if p is None else f"{p:.2g}",
        "moved": None if effect is None else f"{effect:.0%}",
        "before": finding["before"][0],
        "after": finding["after"][0],
        "needed": finding["needed"],
    }


def _topic(topic: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "topic": f"{topic['signal']} {topic['number']}",
        "before": _share(topic["before"]),
        "after": _share(topic["after"]),
        "words": " ".join(topic["words"][:_WORDS]),
        "trace": topic["ids"][0] if topic["ids"] else None,
    }


def _share(share: Any) -> str:
    value, low, high = share
    return f"{value:.0%} ({low:.0%}–{high:.0%})"


def _moved(topic: Mapping[str, Any]) -> bool:
    before, after = topic["before"], topic["after"]
    return bool(after[1] > before[2] or after[2] < before[1])
