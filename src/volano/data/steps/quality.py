"""Quality: texts that rules find bad are left out, each with the rule and the value measured.

The published families are tables with their sources (`data/rules`); rules of one's own have
the same form. A rule that means nothing in a language does not apply there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from volano.core.lazy import lazy
from volano.data.column import as_words, check_name, check_one_of, text_in
from volano.data.errors import BadStepError
from volano.data.rules import (
    FAMILIES,
    BadRuleError,
    Check,
    Page,
    Rule,
    checks_for,
    cleaned,
    own_rules,
)
from volano.data.rules.words import script_language
from volano.data.step import STEPS, Notes, Record

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc
else:
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

PATTERNS = ("must_match", "must_not_match")
BATCH = 256
"""Rows whose texts are matched at once: RE2 takes time that grows with the text and no faster."""
UNKNOWN = ("", "und")


@STEPS.register("quality")
@dataclass(frozen=True, slots=True)
class Quality:
    """Drops texts that a rule finds bad: by Gopher, C4, FineWeb, or by rules of your own.

    `families`: `gopher`, `gopher-repetition`, `c4` (which also takes lines out), `fineweb`. `rules`: limits by
    name: `min_chars: 20`, `max_symbol_ratio: 0.3`, another limit for a known rule (`gopher.min_words: 20`), none to
    switch it off, or an object by language (`{zh: 10, "*": 20}`); `must_match` and `must_not_match` are regular
    expressions (RE2). `language` names the column with the language. `mark` names a column into which
    the failed rules are written in place of dropping.
    """

    name: ClassVar[str] = "quality"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    column: str = "text"
    families: tuple[str, ...] = ()
    rules: Mapping[str, Any] = field(default_factory=dict)
    language: str = "language"
    mark: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, "column", self.column)
        families = as_words(self.name, "families", self.families)
        for family in families:
            check_one_of(self.name, "families", family, tuple(FAMILIES))
        object.__setattr__(self, "families", families)
        if not isinstance(self.rules, Mapping) or not (families or self.rules):
            raise BadStepError(
                step=self.name, setting="rules", why="it needs families, or rules by name"
            )
        try:
            self._rules()
        except BadRuleError as error:
            raise BadStepError(step=self.name, setting="rules", why=error.message) from error
        for name in PATTERNS:
            _check_patterns(self.name, name, self._patterns(name))

    def apply(self, rows: Iterable[Record], notes: Notes, _: Any = None) -> Iterator[Record]:
        """Yield the rows that no rule finds bad (with `mark`: all, with what was found)."""
        judge = _Judge(self._rules(), "c4" in self.families)
        rows = iter(rows)
        while batch := list(islice(rows, BATCH)):
            texts = [row.get(self.column) for row in batch]
            misfits = self._misfits([text if isinstance(text, str) else "" for text in texts])
            for row, misfit in zip(batch, misfits, strict=True):
                if (text := text_in(row, self.column, notes)) is not None:
                    tag = row.get(self.language)
                    yield from self._judged(
                        row, judge.judged(text, str(tag or ""), misfit, self.mark != ""), notes
                    )

    def _judged(
        self, row: Record, verdict: tuple[str, list[tuple[str, str]], list[str]], notes: Notes
    ) -> Iterator[Record]:
        text, failed, changes = verdict
        if self.mark:
            row[self.mark] = [f"{name}: {detail}" if detail else name for name, detail in failed]
        elif failed:
            notes.drop(row, *failed[0])
            return
        for change in changes:
            notes.change(change)
        if changes:
            row[self.column] = text
        yield row

    def _rules(self) -> list[Rule]:
        known = [rule for family in self.families for rule in FAMILIES[family]]
        return own_rules({n: v for n, v in self.rules.items() if n not in PATTERNS}, known)

    def _patterns(self, name: str) -> tuple[str, ...]:
        return as_words(self.name, "rules", self.rules.get(name, ()))

    def _misfits(self, texts: list[str]) -> list[str]:
        """Return for each text the pattern that it breaks, or nothing."""
        misfits = [""] * len(texts)
        for name in PATTERNS:
            for pattern in self._patterns(name):
                whole = pa.array([t.encode("utf-8", "replace").decode() for t in texts])
                fits = pc.match_substring_regex(whole, pattern).to_pylist()
                for at, fit in enumerate(fits):
                    if fit != (name == "must_match"):
                        misfits[at] = misfits[at] or f"{name} {pattern}"
        return misfits


class _Judge:
    """The rules as they count in each language, made once for each."""

    def __init__(self, rules: list[Rule], lines: bool):
        self._rules, self._lines = rules, lines
        self._special = {tag for rule in rules for tag in rule.languages}
        self._by_language: dict[str, list[Check]] = {}

    def judged(
        self, text: str, language: str, misfit: str, everything: bool
    ) -> tuple[str, list[tuple[str, str]], list[str]]:
        """Return the text as it is then, the failed rules with details, and what changed it.

        The first rule that fails is enough, unless everything is asked for.
        """
        failed = [(misfit.partition(" ")[0], misfit.partition(" ")[2])] if misfit else []
        changes: list[str] = []
        if self._lines and (everything or not failed):
            clean, changes = cleaned(text)
            if not clean.strip():
                failed.append((changes[0] if changes else "empty text", ""))
            elif not everything:
                text = clean
        language = script_language(text) if language in UNKNOWN else language.partition("-")[0]
        page = Page(text, language)
        for check in self._checks(language):
            if failed and not everything:
                break
            if (value := check.failing(page)) is not None:
                failed.append((check.name, check.said(value)))
        return text, failed, [] if everything else changes

    def _checks(self, language: str) -> list[Check]:
        key = language if language in self._special else ""
        if key not in self._by_language:
            self._by_language[key] = checks_for(self._rules, key)
        return self._by_language[key]


def _check_patterns(step: str, name: str, patterns: tuple[str, ...]) -> None:
    for pattern in patterns:
        try:
            pc.match_substring_regex(pa.array([""]), pattern)
        except (pa.ArrowException, UnicodeEncodeError) as error:
            raise BadStepError(step=step, setting=name, why=str(error)) from None
