"""Regular expressions, with a limit on their time: some patterns need years on some answers."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from volano.data.extra import needed
from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scorers.normal import normal
from volano.evals.scorers.one import One, check_choice, check_number, references
from volano.evals.scoring import SCORERS, BadScorerError, Tools, Unmeasured, Value

FLAGS = {"i": "IGNORECASE", "m": "MULTILINE", "s": "DOTALL", "x": "VERBOSE"}


@lru_cache(maxsize=64)
def compiled(scorer: str, pattern: str, flags: str = "") -> Any:
    """Return a compiled pattern.

    Raises:
        BadScorerError: it is not one.
        MissingExtraError: the package regex is not installed.
    """
    regex = needed("regex", by="Matching patterns in limited time", extra="evals")
    if not isinstance(pattern, str) or (odd := set(flags) - set(FLAGS)):
        why = "`pattern` is a text" if not isinstance(pattern, str) else f"no flag `{min(odd)}`"
        raise BadScorerError(name=scorer, why=why)
    try:
        return regex.compile(pattern, sum(getattr(regex, FLAGS[one]) for one in set(flags)))
    except (regex.error, RecursionError, OverflowError) as error:
        raise BadScorerError(name=scorer, why=f"the pattern is wrong: {error}") from None


@SCORERS.register("regex")
@dataclass(frozen=True)
class Regex(One):
    r"""1 when the answer matches `pattern`: somewhere (`at: anywhere`), at its `start`, or as a `whole`.

    With `group` (a number) what that group took is compared with the label, in one spelling; that is
    how the last line `Answer: 42` of a long text is scored. `flags` are letters of `imsx`. The syntax is that
    of Python with the additions of the package `regex` (`\p{Han}`). A pattern that takes longer than
    `timeout_s` on an answer leaves it unmeasured.
    """

    name: ClassVar[str] = "regex"

    pattern: str
    at: str = "anywhere"
    group: int | None = None
    flags: str = ""
    timeout_s: float = 0.5

    def __post_init__(self) -> None:
        check_choice(self.name, "at", self.at, ("anywhere", "start", "whole"))
        check_number(self.name, "timeout_s", self.timeout_s, least=0.001, most=60)
        known = compiled(self.name, self.pattern, self.flags)
        if self.group is not None:
            check_number(self.name, "group", self.group, least=0, most=known.groups)

    def of(self, case: Case, answered: Answered, tools: Tools) -> Value | None:
        """Return whether it matches, or whether the group is the label."""
        pattern = compiled(self.name, self.pattern, self.flags)
        way = {"anywhere": pattern.search, "start": pattern.match, "whole": pattern.fullmatch}
        try:
            found = way[self.at](answered.answer.strip(), timeout=self.timeout_s)
        except TimeoutError:
            return Unmeasured(f"the pattern took longer than {self.timeout_s:g} s")
        if found is None or self.group is None:
            return float(found is not None)
        wanted = references(case)
        if not wanted:
            return None
        return float(normal(found[self.group] or "") in map(normal, wanted))
