"""A check of a judge, and a correction, for people: one sentence, and Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any


def verdict(found: Mapping[str, Any]) -> str:
    """Say in one sentence how far the judge may be believed."""
    first = found["scores"][0]
    if first["trusted"]:
        return (
            f"{found['judge']} agrees with people: kappa {spelt(first['kappa'])} "
            f"on {first['n']} rows."
        )
    return f"{found['judge']} is not to be trusted alone: {first['why']} ({first['n']} rows)."


def check_text(found: Mapping[str, Any]) -> str:
    """Return a check as Markdown."""
    parts = [f"# {found['judge']} against people", "", found["verdict"], ""]
    parts += [f"Checked on {found['where']}, model `{found['model'] or 'a panel'}`.", ""]
    for one in found["scores"]:
        parts += [f"## {one['name']}", "", "| what | value |", "|---|---|"]
        parts += [f"| {what} | {told} |" for what, told in _lines(one)]
        parts += ["", *_confusion(one["confusion"]), ""]
    if found.get("members"):
        parts += [f"The panel's judges among themselves: alpha {spelt(found['members'])}.", ""]
    return "\n".join(parts)


def correction_text(found: Mapping[str, Any]) -> str:
    """Return corrected scores as Markdown."""
    head = f"# {found['score']} of {found['report']}"
    if found.get("against"):
        head += f" less {found['against']}"
    lines = [
        head, "", found["verdict"], "",
        "| | value | 95 % interval |", "|---|---|---|",
        _row("the judge, as it is", found["raw"]),
        _row("corrected (PPI++)", found["corrected"]),
        _row("cross-check (Rogan-Gladen)", found["cross_check"]),
    ]  # fmt: skip
    source = (
        f"From {found['labelled']} rows that people labelled ({found['check']}) and "
        f"{found['n']} rows that only {found['judge']} scored."
    )
    lines += ["", source, ""]
    lines += [f"- {note}" for note in found["notes"]]
    return "\n".join(lines) + "\n"


def spelt(found: Mapping[str, Any] | None, signed: bool = False) -> str:
    """Return a value with its interval: `0.71 [0.63, 0.79]`."""
    if not found or found.get("value") is None:
        return "not defined"
    sign = "+" if signed else ""
    told = f"{found['value']:{sign}.2f}"
    if found.get("low") is None:
        return told
    return f"{told} [{found['low']:{sign}.2f}, {found['high']:{sign}.2f}]"


def _lines(one: Mapping[str, Any]) -> list[tuple[str, str]]:
    unmeasured = sum(one["unmeasured"].values())
    found = [
        ("rows", f"{one['n']}" + (f", {unmeasured} unmeasured" if unmeasured else "")),
        ("kappa", spelt(one["kappa"])),
        ("equal words (flatters)", "-" if one["matched"] is None else f"{one['matched'] * 100:.0f} %"),
        ("judge less people", spelt(one["gap"], signed=True)),
    ]  # fmt: skip
    found += [(what, spelt(one[what])) for what in ("sensitivity", "specificity") if what in one]
    if one["position"]:
        place = one["position"]
        found.append(("position bias: shown first", spelt(place, signed=True)))
        found.append(("the order decides", f"{place['flips'] * 100:.0f} % of {place['n']}"))
    if one["length"]:
        found.append(("length bias: each doubling", spelt(one["length"], signed=True)))
    if one["retest"]:
        again = one["retest"]
        found.append(("the same when asked again", f"{again['same'] * 100:.0f} % of {again['n']}"))
    found += [(f"unmeasured: {why}", str(n)) for why, n in one["unmeasured"].items()]
    return found


def _confusion(cells: Sequence[Sequence[float]]) -> list[str]:
    judged = sorted({cell[1] for cell in cells})
    people = sorted({cell[0] for cell in cells})
    if not cells or len(people) > 7 or len(judged) > 7:
        return []
    counts = {(a, b): n for a, b, n in cells}
    lines = ["| people | " + " | ".join(f"judge {b:g}" for b in judged) + " |"]
    lines.append("|---|" + "---|" * len(judged))
    lines += [
        f"| {a:g} | " + " | ".join(f"{counts.get((a, b), 0):g}" for b in judged) + " |"
        for a in people
    ]
    return lines


def _row(what: str, found: Mapping[str, Any] | None) -> str:
    if not found:
        return f"| {what} | not defined | |"
    return f"| {what} | {found['value']:.3f} | [{found['low']:.3f}, {found['high']:.3f}] |"
