"""Spelling: tokens become text as they come, and the text ends before a stop.

A letter may be spread over several tokens, so text is given out only when it is
whole; and only as far as it cannot be the beginning of a stop.
"""

from collections.abc import Sequence

from tokenizers import Tokenizer

BROKEN = "\ufffd"
LONGEST_LETTER = 8
"""So many tokens may wait for the rest of a letter; what is broken then stays broken."""


class Spelling:
    """The text of one answer so far."""

    def __init__(self, tokenizer: Tokenizer, stops: Sequence[str]):
        self._tokenizer = tokenizer
        self._stops = tuple(stops)
        self._ids: list[int] = []
        self._from = 0
        self._read = 0
        self._held = ""
        self.stopped = False

    def add(self, token: int) -> str:
        """Take a token; return the text that is certain now, perhaps none."""
        self._ids.append(token)
        before = self._decode(self._from, self._read)
        after = self._decode(self._from, len(self._ids))
        waiting = len(self._ids) - self._read
        if after.endswith(BROKEN) and waiting < LONGEST_LETTER:
            return ""
        self._from, self._read = self._read, len(self._ids)
        return self._certain(after[len(before) :])

    def end(self) -> str:
        """Return what was held back, when no more tokens come."""
        if self.stopped:
            return ""
        rest = self._decode(self._from, len(self._ids))[len(self._decode(self._from, self._read)) :]
        text = self._certain(rest) + ("" if self.stopped else self._held)
        self._held = ""
        return text

    def _decode(self, begin: int, end: int) -> str:
        return str(self._tokenizer.decode(self._ids[begin:end], skip_special_tokens=True))

    def _certain(self, new: str) -> str:
        text = self._held + new
        found = [at for at in (text.find(stop) for stop in self._stops) if at >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _overlap(text: str, stop: str) -> int:
    """Return how many characters at the text's end may begin this stop."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if stop.startswith(text[-size:]):
            return size
    return 0
