"""A comparison as text for a terminal, as Markdown for a pull request, and as JUnit XML for CI."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from volano.evals.comparison import spelt
from volano.evals.judges.standing import lines as marks
from volano.evals.marked import cell, clip, escaped

Told = Mapping[str, Any]
SHOWN = 20
_SIGNS = {"better": "✅ better", "worse": "❌ worse", "undecided": "➖ undecided"}
_CORRECTED = (
    "\nVerdicts are corrected for the number of slices (Benjamini-Hochberg): "
    "an interval beside zero alone does not decide."
)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold (section 2.2)."""


def text(told: Told) -> str:
    """Return the comparison as lines."""
    lines = []
    for one in each(told):
        lines.append(
            f"{one['b']['subject']} against {one['a']['subject']}, the same {one['n']} rows"
        )
        lines += [f"  {part}" for part in _dropped(one)]
        width = max(len(score["name"]) for score in [*one["scores"], *one["usage"]])
        lines += [
            f"  {s['name']:<{width}}  {_value(s, 'a')} -> {_value(s, 'b')}  {spelt(s)}  "
            f"{s['better']} better, {s['worse']} worse: {s['verdict']}"
            for s in [*one["scores"], *one["usage"]]
        ]
        lines += [f"  {part}" for part in within(one)]
        lines.append(f"  {one['sentence']}")
        flips = one["flips"]
        lines.append(
            f"  {flips['negative']} rows fell ({flips['critical']} critical), {flips['positive']} rose"
        )
    return "\n".join([*lines, *(f"  {mark}" for mark in marks(told))])


def markdown(told: Told, link: Callable[[str, int], str] | None = None) -> str:
    """Return a short table for a pull request; slices and flips are folded below it.

    `link` gives the address of a row (report, place among its rows), where there is one.
    """
    parts = []
    for one in each(told):
        parts.append(f"### {cell(one['b']['subject'])} against {cell(one['a']['subject'])}\n")
        parts.append(
            f"{escaped(one['sentence'])} {one['n']} rows, paired; intervals are 95 %, "
            "verdicts are corrected for the number of scores (Holm).\n"
        )
        parts += [f"> {escaped(part)}\n" for part in [*within(one), *_dropped(one)]]
        parts.append("| score | before | after | change | rows better / worse | verdict |")
        parts.append("|---|---:|---:|---:|---:|---|")
        parts += [
            f"| {cell(s['name'])} | {_value(s, 'a')} | {_value(s, 'b')} | {spelt(s)} "
            f"| {s['better']} / {s['worse']} | {_SIGNS[s['verdict']]} |"
            for s in [*one["scores"], *one["usage"]]
        ]
        parts.append("")
        parts += _folded_slices(one["slices"])
        parts += _folded_flips(one, link)
    parts += [f"> {escaped(mark)}\n" for mark in marks(told)]
    return "\n".join(parts).rstrip() + "\n"


def junit(told: Told) -> str:
    """Return the comparison as JUnit XML: a case for each score, and one for critical rows.

    A score that is worse by more than the margin, or a critical row that fell, fails; what is
    undecided is skipped, with what would decide it. What is worse within the margin passes.
    """
    root = ET.Element("testsuites")
    for one in each(told):
        cases = [*map(_case, one["scores"]), _critical(one["flips"])]
        suite = ET.SubElement(root, "testsuite", {
            "name": _xml(f"{one['b']['report']} against {one['a']['report']}"),
            "tests": str(len(cases)), "errors": "0",
            "failures": str(sum(case.find("failure") is not None for case in cases)),
            "skipped": str(sum(case.find("skipped") is not None for case in cases)), "time": "0",
        })  # fmt: skip
        _properties(suite, marks(told))
        suite.extend(cases)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name) or 0) for suite in root)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def each(told: Told) -> list[Told]:
    """Return the comparison with each further report."""
    return [told, *told.get("others", ())]


def within(one: Told) -> list[str]:
    """Say of each score what the margin says: in JUnit that is what fails."""
    if "margin" not in one:  # as comparisons were kept before
        return []
    words = {"yes": "not worse", "no": "worse", "undecided": "undecided whether worse"}
    shares = [s for s in one["scores"] if _spans(s) == "points"]
    ratios = [s for s in one["scores"] if _spans(s) == "%"]
    return [
        f"By more than the margin of {one['margin'] * 100:g} {unit}: "
        + ", ".join(f"{s['name']} {words[s['not_worse']]}" for s in scores) + "."
        for scores, unit in ((shares, "points"), (ratios, "%"))
        if scores
    ]  # fmt: skip


def _spans(score: Told) -> str:
    """Return the unit in which a margin is a part of a score; empty for plain numbers, which have none."""
    if score.get("kind") == "ratio":
        return "%"
    return "points" if score.get("unit", "share") == "share" else ""


def _properties(suite: ET.Element, said: Sequence[str]) -> None:
    if said:
        told = ET.SubElement(suite, "properties")
        for one in said:
            ET.SubElement(told, "property", {"name": "judge", "value": _xml(one)})


def _case(score: Told) -> ET.Element:
    case = ET.Element("testcase", {"classname": "scores", "name": _xml(score["name"]), "time": "0"})
    said = f"{score['name']}: {spelt(score)}"
    unit = _spans(score)
    margin = f"{score['margin'] * 100:g} {unit}"
    if not unit:
        if score["verdict"] == "worse":
            ET.SubElement(case, "failure", {"message": _xml(said), "type": "worse"})
    elif score["not_worse"] == "no":
        message = f"{said}: worse by more than {margin}"
        ET.SubElement(case, "failure", {"message": _xml(message), "type": "worse"})
    elif score["not_worse"] == "undecided":
        message = f"{said}: undecided whether it is worse by more than {margin}"
        ET.SubElement(case, "skipped", {"message": _xml(message)})
    return case


def _critical(flips: Told) -> ET.Element:
    case = ET.Element("testcase", {"classname": "rows", "name": "critical rows", "time": "0"})
    if flips["critical"]:
        failed = ET.SubElement(case, "failure", {
            "message": f"{flips['critical']} critical rows fell", "type": "flip",
        })  # fmt: skip
        failed.text = _xml("\n".join(
            f"{_named(row)}: {clip(row['answer_a'])} -> {clip(row['answer_b'])}"
            for row in flips["rows"] if row["critical"]
        ))  # fmt: skip
    return case


def _folded_slices(slices: Sequence[Told]) -> list[str]:
    if not slices:
        return []
    moved = sum(one["verdict"] != "undecided" for one in slices)
    return [
        f"<details><summary>{len(slices)} slices, {moved} of them differ</summary>\n",
        "| slice | rows | change | verdict |",
        "|---|---:|---:|---|",
        *(
            f"| {cell(one['by'])} = {cell(one['value'])} | {one['n']} | {spelt(one)} "
            f"| {_SIGNS[one['verdict']]} |"
            for one in slices[:SHOWN]
        ),
        *_more(len(slices), 4),
        _CORRECTED,
        "\n</details>\n",
    ]


def _folded_flips(one: Told, link: Callable[[str, int], str] | None) -> list[str]:
    flips = one["flips"]
    if not flips["negative"]:
        return []
    title = (
        f"{flips['negative']} rows fell ({flips['critical']} critical), {flips['positive']} rose"
    )
    lines = [f"<details><summary>{title}</summary>\n", "| row | before | after |", "|---|---|---|"]
    for row in flips["rows"][:SHOWN]:
        name = f"`{_named(row)}`"
        if link and (address := link(one["b"]["report"], row["at"])):
            name = f"[{name}]({address})"
        name += " **critical**" if row["critical"] else ""
        lines.append(f"| {name} | {cell(row['answer_a'])} | {cell(row['answer_b'])} |")
    return [*lines, *_more(flips["negative"], 3), "\n</details>\n"]


def _dropped(one: Told) -> list[str]:
    """Say which rows the comparison does not speak of."""
    dropped, said = one["dropped"], []
    if dropped["only_a"] or dropped["only_b"]:
        said.append(
            f"Left out: {dropped['only_a']} rows only in the first, {dropped['only_b']} only in the second."
        )
    said += [f"Left out of {name}: {count} rows measured in one only."
             for name, count in dropped["unmeasured"].items()]  # fmt: skip
    return said


def _value(score: Told, side: str) -> str:
    value = score[side]
    return f"{value:.3f}" if score.get("unit", "share") == "share" else f"{value:.4g}"


def _more(count: int, columns: int) -> list[str]:
    """Say in a last row of a table how many are left out of it."""
    left = count - SHOWN
    return [f"| and {left} more |{' |' * (columns - 1)}"] if left > 0 else []


def _named(row: Told) -> str:
    """Return what a row that fell is called; a comparison kept before rows had places has none."""
    return str(row.get("place") or row["row"][:16])


def _xml(said: str) -> str:
    return _UNPRINTABLE.sub("�", said)
