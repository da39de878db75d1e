"""A rulebook: what files say of rules and receivers, or every line that is wrong with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from volano.core.errors import VolanoError
from volano.core.ports.notify import Receivers
from volano.monitor import marked
from volano.monitor.errors import NoRulesError
from volano.monitor.kpi import guess
from volano.monitor.rule import LineError, read_rule

_TOP = ("rules", "receivers")


@dataclass(frozen=True, slots=True)
class Problem:
    """A line of a file, and what is wrong there."""

    file: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.why}"


@dataclass(slots=True)
class Rulebook:
    """What was read. `rules` and `receivers` are by name: which file, and what it says."""

    rules: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    receivers: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def rule_files(path: Path) -> list[Path]:
    """Return the files of rules at a path.

    Raises:
        NoRulesError: there is none.
    """
    found = sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path]
    if not found or not found[0].is_file():
        raise NoRulesError(path=path)
    return found


def read_rules(
    path: Path, *, receivers: Receivers, slos: Sequence[str], known: Sequence[str] = ()
) -> Rulebook:
    """Read a file, or all files of a folder. `known` receivers stand in other files.

    Raises:
        NoRulesError: there is no file.
    """
    book, uses = Rulebook(), []
    for file in rule_files(path):
        book.files.append(str(file))
        try:
            said = marked.read(file.read_bytes())
            uses += _take(book, str(file), said, receivers, slos)
        except marked.MarkedError as error:
            book.problems.append(Problem(str(file), error.line, error.why))
        except OSError as error:
            book.problems.append(Problem(str(file), 1, error.strerror or "it cannot be read"))
    names = {*book.receivers, *known}
    for file_name, line, name in uses:
        if name not in names:
            why = f"there is no receiver `{name}`{guess(name, names)}"
            book.problems.append(Problem(file_name, line, why))
    return book


def _take(
    book: Rulebook, file: str, said: marked.Marked, receivers: Receivers, slos: Sequence[str]
) -> list[tuple[str, int, str]]:
    """Take in a file; return which receivers its rules name, and where."""
    uses: list[tuple[str, int, str]] = []

    def wrong(line: int, why: str) -> None:
        book.problems.append(Problem(file, line, why))

    for key in said:
        if key not in _TOP:
            wrong(said.at(key), f"`{key}` means nothing here{guess(key, _TOP)}")
    found = said.get("receivers") or marked.Marked()
    for name, one in found.items() if isinstance(found, marked.Marked) else ():
        try:
            receivers(one if isinstance(one, dict) else {})
            book.receivers[name] = (file, one)
        except VolanoError as error:
            wrong(found.at(name), error.message)
    rules = said.get("rules") or []
    if not isinstance(rules, list) or not isinstance(found, marked.Marked):
        wrong(said.line, "`rules` is a list, `receivers` an object")
        rules = []
    for one in rules:
        if not isinstance(one, marked.Marked):
            wrong(said.at("rules"), "each rule is an object with a `name`")
            continue
        try:
            rule = read_rule(one)
        except LineError as error:
            wrong(one.at(error.key), error.why)
            continue
        if rule.name in book.rules:
            wrong(one.at("name"), f"the rule `{rule.name}` is there twice")
        if rule.slo and rule.slo not in slos:
            wrong(one.at("slo"), f"there is no SLO `{rule.slo}`{guess(rule.slo, slos)}")
        uses += [(file, one.at("receivers"), name) for name in rule.receivers]
        book.rules[rule.name] = (file, one)
    return uses
