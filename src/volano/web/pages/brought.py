"""What a rollout's release brought along from the environments before, and what it went without."""

from collections.abc import Mapping, Sequence
from typing import Any

from volano.web.pages import gates, links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.view import Cell, Column, Facts, Gates, Row, Section, Table

SECOND_US = 1_000_000


def sections(events: Sequence[tuple[int, int, str, Any]]) -> list[Section]:
    """Return a table of the environments before, and the gates of each; nothing where none were."""
    first: Mapping[str, Any] = events[0][3] if events else {}
    carried = first.get("carried") or []
    shown: list[Section] = []
    if carried:
        shown.append(Table(_("Brought along"), _columns(), [_row(one) for one in carried]))
    for one in carried:
        if one.get("verdicts"):
            title = _("Gates at {channel}").format(channel=one["environment"])
            shown.append(Gates(title, [gates.gate(each) for each in one["verdicts"]]))
    return shown + _skipped(first.get("skipped"))


def _columns() -> tuple[Column, ...]:
    return (
        Column(_("Environment")),
        Column(_("Rollout")),
        Column(_("Arrived")),
        Column(_("Served"), 2, number=True),
        Column(_("Calls"), number=True),
        Column(_("Reports"), 3),
    )


def _row(one: Mapping[str, Any]) -> Row:
    href = links.item("rollouts", one["rollout"])
    return Row(
        href,
        (
            Cell("text", one["environment"]),
            Cell("ref", one["rollout"][:13], href=href),
            Cell("time", one["arrived_us"]),
            Cell("number", words.duration(one["served_s"] * SECOND_US)),
            Cell("number", words.count(one["answered"])),
            Cell("text", ", ".join(one["reports"]) or "–"),
        ),
        one,
    )


def _skipped(skipped: Mapping[str, Any] | None) -> list[Section]:
    if not skipped:
        return []
    without = (_("went without"), Cell("text", ", ".join(skipped["environments"])))
    return [Facts(_("Emergency"), [without, (_("reason"), Cell("text", skipped["reason"]))])]
