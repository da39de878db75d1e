"""What checks came to, as text for a terminal, Markdown for a comment, and JUnit XML.

Names, answers and errors come from a change that anybody may send: in the comment they are text,
never Markdown, never a mention, never a link.
"""

import html
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from volano.ci.affected import Planned
from volano.ci.judged import PASSED, STOPPED, UNMEASURED, Verdict
from volano.ci.repository import Base
from volano.ci.training import Looked
from volano.evals import told as comparisons
from volano.evals.linked import Link, linking, side_by_side
from volano.evals.marked import cell, escaped
from volano.evals.redacted import printable

MARK = "<!-- volano ci -->"
"""The first line of every comment: by it a later run finds the comment that it replaces."""
MOST_CHARS = 60_000
"""GitHub takes comments of 65,536 characters."""
_SIGNS = {PASSED: "✅", STOPPED: "❌", UNMEASURED: "⚠️"}
_WORDS = {PASSED: "holds", STOPPED: "does not hold", UNMEASURED: "not measured"}
_FOUND = {"yes": "✅", "no": "❌", "unmeasured": "⚠️"}


@dataclass(frozen=True, slots=True)
class Told:
    """All that there is to tell of a change; `console` is where its rows can be looked at."""

    verdicts: Sequence[Verdict]
    planned: Sequence[Planned]
    notices: Sequence[str]
    base: Base
    looked: Sequence[Looked] = ()
    console: str = ""

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        return sentence(self.verdicts, self.planned, self.looked)


def state_of(verdicts: Sequence[Verdict | Looked]) -> str:
    """Return what all checks say together: no beats unmeasured, which beats yes."""
    said = {one.state for one in verdicts}
    return STOPPED if STOPPED in said else UNMEASURED if UNMEASURED in said else PASSED


def sentence(
    verdicts: Sequence[Verdict], planned: Sequence[Planned], looked: Sequence[Looked] = ()
) -> str:
    """Return the verdict in one sentence."""
    recipes = f"{_counted(looked, 'training recipe')}, not trained" if looked else ""
    if verdicts:
        return "; ".join(filter(None, (_counted(verdicts, "check"), recipes)))
    none = f"none of {_count(len(planned), 'check')} is affected"
    return f"{recipes}; {none}" if recipes else f"nothing to check: {none}"


def text(told: Told) -> str:
    """Return the verdict as lines."""
    lines = [f"against {told.base.name} at {told.base.commit[:12]}"]
    for one in told.verdicts:
        lines.append(f"{one.state:<10}  {one.check.name} ({one.check.kind}): {one.why}")
        lines.append(f"            runs because {one.reason}")
        lines += [f"            {gate.found:<10}  {gate.gate}: {gate.why}" for gate in one.gates]
        lines += [f"            {note}" for note in one.notes]
        if one.told:
            lines.append(f"            {one.told['sentence']}")
    for recipe in told.looked:
        lines.append(f"{recipe.state:<10}  {_recipe(recipe)}: {recipe.why}")
        lines += [f"            {note}" for note in recipe.notes]
    lines += [f"not run     {one.check.name}: {one.why}" for one in told.planned if not one.runs]
    lines += [f"note        {one}" for one in told.notices]
    return "\n".join([*lines, told.sentence])


def markdown(told: Told) -> str:
    """Return a comment: the verdict first, a line for each check, what is behind it folded."""
    verdicts = told.verdicts
    state = state_of([*verdicts, *told.looked])
    head = [
        MARK, f"## {_SIGNS[state]} volano ci: {told.sentence}", "",
        f"Against {cell(told.base.name)} at {told.base.commit[:12]}.", "",
    ]  # fmt: skip
    head += [f"> ⚠️ {escaped(one)}\n" for one in told.notices]
    if verdicts:
        head += ["| | check | asks | verdict |", "|---|---|---|---|"]
        head += [
            f"| {_SIGNS[one.state]} | {cell(one.check.name)} ({one.check.kind}) "
            f"| {cell(one.check.target)} | {cell(one.why)} |"
            for one in verdicts
        ]
        head.append("")
    if told.looked:
        head += [
            "| | training recipe | of the model | found, without training |",
            "|---|---|---|---|",
        ]
        head += [
            f"| {_SIGNS[one.state]} | {cell(one.path)} | {cell(one.model)} "
            f"| {' '.join(map(cell, [one.why, *one.notes]))} |"
            for one in told.looked
        ]
        head.append("")
    worst_first = sorted(verdicts, key=lambda one: one.state == PASSED)
    parts = [_behind(one, told.console) for one in worst_first]
    left = [f"- {cell(one.check.name)}: {escaped(one.why)}" for one in told.planned if not one.runs]
    if left:
        parts.append("\n".join(["<details><summary>Not run</summary>\n", *left, "\n</details>\n"]))
    return _bounded("\n".join(head), parts)


def junit(told: Told) -> str:
    """Return JUnit XML: a suite for each check, a case for each gate; what did not run is skipped."""
    root = ET.Element("testsuites", {"name": "volano ci"})
    for one in told.verdicts:
        cases = [_case(one, gate.gate, gate.found, gate.why) for gate in one.gates]
        if one.state == UNMEASURED and not any(g.found == "unmeasured" for g in one.gates):
            cases.append(_case(one, "measured", "unmeasured", one.why))
        cases = cases or [_case(one, "measured", "yes", one.why)]
        _suite(root, one.check.name, cases, one.notes)
    for recipe in told.looked:
        case = ET.Element("testcase", _named(recipe.path, "fields go together"))
        word = "failure" if recipe.state == STOPPED else "system-out"
        found = ET.SubElement(case, word, {"type": "recipe"} if word == "failure" else {})
        found.text = printable(recipe.why)
        _suite(root, recipe.path, [case], recipe.notes)
    for plan in (one for one in told.planned if not one.runs):
        case = ET.Element("testcase", _named(plan.check.name, "affected"))
        ET.SubElement(case, "skipped", {"message": printable(plan.why)})
        _suite(root, plan.check.name, [case])
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name) or 0) for suite in root)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _behind(one: Verdict, console: str) -> str:
    states = ", ".join(f"{n} {word}" for word, n in one.facts.get("states", {}).items())
    lines = [f"<details><summary>{_SIGNS[one.state]} {_html(one.check.name)}</summary>\n"]
    lines.append(f"It runs because {escaped(one.reason)}.")
    if states:
        lines.append(
            f"{one.facts['rows']} rows: {states} ({one.facts['asked']} asked, "
            f"{one.facts['known']} known or recorded)."
        )
    lines += [escaped(note) for note in one.notes]
    if one.gates:
        lines += ["", "| | gate | what was found |", "|---|---|---|"]
        lines += [f"| {_FOUND[g.found]} | {cell(g.gate)} | {cell(g.why)} |" for g in one.gates]
    if one.told:
        link = linking(console) if one.reports else None
        lines += ["", comparisons.markdown(one.told, link and partial(_of_change, link, one))]
        if link:
            address = side_by_side(console, one.reports[0], one.reports[-1])
            lines.append(f"[Both sides in the console]({address})")
    return "\n".join([*lines, "\n</details>\n"])


def _of_change(link: Link, one: Verdict, _report: str, at: int) -> str:
    return link(one.reports[-1], at)


def _bounded(head: str, parts: Sequence[str]) -> str:
    """Return as many whole parts as a comment holds."""
    found, left = [head[:MOST_CHARS]], MOST_CHARS - len(head)
    for part in parts:
        if len(part) + 100 > left:
            found.append("The rest does not fit into a comment: it is in the JUnit file.\n")
            break
        found.append(part)
        left -= len(part) + 1
    return "\n".join(found).rstrip() + "\n"


def _suite(
    root: ET.Element, name: str, cases: Sequence[ET.Element], notes: Sequence[str] = ()
) -> None:  # fmt: skip
    counts = {
        key: str(sum(case.find(tag) is not None for case in cases))
        for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    }
    about = {"name": printable(name), "tests": str(len(cases)), "time": "0", **counts}
    suite = ET.SubElement(root, "testsuite", about)
    if notes:
        told = ET.SubElement(suite, "properties")
        for note in notes:
            ET.SubElement(told, "property", {"name": "note", "value": printable(note)})
    suite.extend(cases)


def _case(one: Verdict, name: str, found: str, why: str) -> ET.Element:
    case = ET.Element("testcase", _named(one.check.name, name))
    if found == "no":
        failed = ET.SubElement(case, "failure", {"message": printable(why), "type": "gate"})
        failed.text = printable(str(one.told["sentence"])) if one.told else None
    elif found == "unmeasured":
        ET.SubElement(case, "error", {"message": printable(why), "type": "unmeasured"})
    else:
        ET.SubElement(case, "system-out").text = printable(why)
    return case


def _named(check: str, name: str) -> dict[str, str]:
    return {"classname": printable(check), "name": printable(name), "time": "0"}


def _html(said: str) -> str:
    return html.escape(" ".join(said.split())).replace("@", "@&#8203;")


def _recipe(one: Looked) -> str:
    return f"{one.path} (training recipe of {one.model})"


def _counted(found: Sequence[Verdict | Looked], noun: str) -> str:
    counts = {word: sum(one.state == word for one in found) for word in _WORDS}
    told = [f"{n} {_WORDS[word]}" for word, n in counts.items() if n]
    return f"{_count(len(found), noun)}: {', '.join(told)}"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"
