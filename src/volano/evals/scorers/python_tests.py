"""Code that a model wrote, run in the sandbox against the row's tests."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.sandbox import Limits, Ran, run
from volano.evals.scorers.json_value import same
from volano.evals.scorers.one import check_number, unanswered
from volano.evals.scoring import SCORERS, Plain, Scores, Tools, Unmeasured, Value

LONGEST = 200_000
MOST_CASES = 500
_BLOCK = re.compile(r"^```[ \t]*(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def code_in(answer: str) -> str:
    """Return the program of an answer: its Python blocks joined, else its first block, else all of it."""
    blocks = _BLOCK.findall(answer)
    python = [text for word, text in blocks if word.casefold() in {"python", "py", "python3"}]
    return "\n".join(python) or (blocks[0][1] if blocks else answer)


@SCORERS.register("python_tests")
@dataclass(frozen=True)
class PythonTests(Plain):
    """1 when the Python in the answer passes the row's tests, run in a sandbox.

    The tests are the row's `tests` (in `expected`), else its label: Python that raises where something is wrong
    (`assert add(1, 2) == 3`), or a list of cases: `{call: add, args: [1, 2], returns: 3}`, or
    `{stdin: "1 2", stdout: "3"}`. With cases, `python_tests/share` is the share that is right. What is expected of a case
    never enters the sandbox; tests in Python do, so a program that sets out to cheat can find them: prefer cases.

    The sandbox: no network, no other processes or threads, no environment, no files but the standard library (read only)
    and an empty folder; limits on clock, processor time, memory, files and output. A program that passes a limit
    scores 0. Linux only, where user namespaces are allowed; elsewhere nothing is run and the row is unmeasured, with the
    reason. Why a program failed is kept in the notes of the run.
    """

    notes: ClassVar[str] = "python_tests"

    wall_s: float = 10
    cpu_s: int = 5
    memory_mb: int = 256
    files_mb: int = 16

    def __post_init__(self) -> None:
        for setting, least, most in (
            ("wall_s", 0.1, 600), ("cpu_s", 1, 600), ("memory_mb", 64, 65_536), ("files_mb", 1, 1024),
        ):  # fmt: skip
            check_number("python_tests", setting, getattr(self, setting), least=least, most=most)
        for setting in ("cpu_s", "memory_mb", "files_mb"):
            object.__setattr__(self, setting, int(getattr(self, setting)))

    def score(self, case: Case, answered: Answered, tools: Tools) -> Scores:
        """Return `python_tests`, with cases also `python_tests/share`."""
        tests = case.expected.get("tests", case.label)
        names = (
            ["python_tests"] if isinstance(tests, str) else ["python_tests", "python_tests/share"]
        )
        if why := unanswered(answered) or _odd(tests):
            return dict.fromkeys(names, why)
        code = code_in(answered.answer)
        if not code.strip() or len(code) > LONGEST or not _utf8(code):
            return dict.fromkeys(names, 0.0)
        limits = Limits(self.wall_s, self.cpu_s, self.memory_mb, self.files_mb)
        if isinstance(tests, str):
            ran = run(code, tests=tests, limits=limits)
            values: list[Value] = [float(ran.state == "passed")]
            told = ran.why
        else:
            asked = [{key: case[key] for key in case if key in _ASKED} for case in tests]
            ran = run(code, cases=asked, limits=limits)
            wrong = _wrong(ran, tests)
            share = 1 - len(wrong) / len(tests)
            values, told = [float(not wrong), share], ran.why or next(iter(wrong), "")
        if ran.state == "refused":
            return dict.fromkeys(names, Unmeasured(ran.why))
        if told:
            tools.notes.setdefault(self.notes, {})[case.id, answered.repetition] = told
        return dict(zip(names, values, strict=True))


_ASKED = frozenset(("call", "args", "kwargs", "stdin"))


def _odd(tests: Any) -> Unmeasured | None:
    """Return why these are no tests."""
    if isinstance(tests, str):
        return None if tests.strip() and _utf8(tests) else Unmeasured("the row has no tests")
    if not isinstance(tests, list | tuple) or not 1 <= len(tests) <= MOST_CASES:
        return Unmeasured(
            f"the row's tests are neither Python nor a list of 1 to {MOST_CASES} cases"
        )
    for one in tests:
        good = isinstance(one, Mapping) and (
            {"call", "returns"} <= set(one) or {"stdin", "stdout"} <= set(one)
        )
        if not good:
            return Unmeasured("a case has `call` and `returns`, or `stdin` and `stdout`")
    return None


def _wrong(ran: Ran, tests: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with the cases; where nothing was given, all are."""
    if len(ran.gave) < len(tests):
        return [ran.why or "it gave nothing"] * len(tests)
    found = []
    for at, (case, gave) in enumerate(zip(tests, ran.gave, strict=True), 1):
        if "value" not in gave:
            found.append(f"case {at}: {gave.get('failed', 'it gave nothing')}"[:300])
        elif "stdout" in case:
            if str(gave["value"]).rstrip() != str(case["stdout"]).rstrip():
                found.append(f"case {at}: it wrote {str(gave['value'])[:100]!r}")
        elif not same(gave["value"], case["returns"]):
            found.append(f"case {at}: it gave {str(gave['value'])[:100]}")
    return found


def _utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
