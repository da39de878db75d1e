"""Texts: many at once are searched by the rules, in time that has a limit.

A rule's regular expression is RE2's, which takes time that grows with the text and no faster:
there is no pattern that goes wild. It costs a fraction of a millisecond to begin with, so all
texts of a row are searched together.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from volano.core.lazy import lazy
from volano.core.ports.mask import Detect
from volano.traces.errors import BadMaskError, WithheldError
from volano.traces.mask.rule import MaskRule

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc
else:
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

MOST_CHARS = 2 << 20
"""More text than that of one call or span is not searched but withheld."""
BUDGET_S = 1.0
"""So long one call or span may take; then it is withheld. Looked at after each text and
rule, of which the longest on the worst text takes some 3 microseconds a character."""
MOST_PATTERN_CHARS = 300
_SLOWEST_S = 0.02
"""A pattern that takes longer on no text at all is refused: it would be paid for each row."""
_BASE64 = re.compile(r"(?:data:[\w./+;=-]{0,100}+,)?[A-Za-z0-9+/=]++")
_LONG_BASE64 = 4096
"""A run of so many characters without a space is a picture or a sound, no text."""


class Texts:
    """Hides by some rules, in order; one for each row, as its time runs from its making."""

    def __init__(self, rules: Sequence[MaskRule], detectors: Mapping[str, Detect]):
        self._rules, self._detectors = rules, detectors
        self._end_s, self._chars = time.monotonic() + BUDGET_S, 0

    def hide(self, texts: Iterable[str]) -> dict[str, str]:
        """Return the texts in which something was hidden, and what they are then.

        Raises:
            WithheldError: it takes too long.
            KeyError: there is no such detector.
        """
        olds = [text for text in dict.fromkeys(texts) if text and not _is_binary(text)]
        self._chars += sum(map(len, olds))
        if self._chars > MOST_CHARS:
            raise WithheldError(why=f"it has more than {MOST_CHARS} characters")
        news = [_sound(text) for text in olds]
        for rule in self._rules:
            if rule.kind == "regex":
                news = _by_regex(news, rule)
            elif rule.kind == "detect":
                detect = self._detectors[rule.pattern]
                news = [self._in_time(_by_detector(text, detect, rule.replace)) for text in news]
            self._in_time("")
        return {old: new for old, new in zip(olds, news, strict=True) if old != new}

    def _in_time(self, text: str) -> str:
        if time.monotonic() > self._end_s:
            raise WithheldError(why=f"masking took longer than {BUDGET_S:g} s")
        return text


def check_pattern(pattern: str) -> None:
    """See that a pattern can be used. Raises BadMaskError: it cannot."""
    if not pattern or len(pattern) > MOST_PATTERN_CHARS:
        raise BadMaskError(why=f"a regular expression has 1 to {MOST_PATTERN_CHARS} characters")
    try:
        took = [_timed(pattern) for _ in range(3)]
        empty = pc.match_substring_regex(pa.array([""]), pattern)[0].as_py()
    except (pa.ArrowException, UnicodeEncodeError) as error:
        raise BadMaskError(why=str(error)) from None
    if empty:
        raise BadMaskError(why="it fits a text in which there is nothing")
    if min(took) > _SLOWEST_S:
        raise BadMaskError(why="it takes too long; smaller counts in {} help, or + in their place")


def _timed(pattern: str) -> float:
    began_s = time.perf_counter()
    pc.match_substring_regex(pa.array(["x"]), pattern)
    return time.perf_counter() - began_s


def _by_regex(texts: list[str], rule: MaskRule) -> list[str]:
    if not texts:
        return texts
    replace = rule.replace.replace("\\", "\\\\")
    column = pa.array(texts, type=pa.large_string())
    found: list[str] = pc.replace_substring_regex(column, rule.pattern, replace).to_pylist()
    return found


def _by_detector(text: str, detect: Detect, replace: str) -> str:
    places = sorted(detect(text))
    if not places:
        return text
    parts: list[str] = []
    last = 0
    for start, end in places:
        if end > last:
            if start >= last:
                parts += (text[last:start], replace)
            last = end
    return "".join((*parts, text[last:]))


def _sound(text: str) -> str:
    """Half characters are none, and no searcher takes them."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _is_binary(text: str) -> bool:
    return len(text) >= _LONG_BASE64 and _BASE64.fullmatch(text) is not None
