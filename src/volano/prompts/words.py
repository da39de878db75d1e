"""What differs between two texts, word by word. Where a script has no spaces, a character is a word."""

import difflib
import re

SAME, GONE, NEW = "=", "-", "+"
MOST = 4000
"""Words of a text that are compared one by one; longer texts are compared by lines."""
_ALONE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, kana, Han."""
_WORD = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+|\s+|.", re.DOTALL)

Pieces = list[tuple[str, str]]


def words(text: str) -> list[str]:
    """Return the words, spaces and marks of a text; joined they are the text."""
    return _WORD.findall(text)


def differing(old: str, new: str) -> Pieces:
    """Return pieces: what is in both (`=`), only in the old (`-`), only in the new (`+`)."""
    if old == new:
        return [(SAME, old)] if old else []
    a, b = words(old), words(new)
    if max(len(a), len(b)) > MOST:
        a, b = old.splitlines(keepends=True), new.splitlines(keepends=True)
    if max(len(a), len(b)) > MOST:
        return [(mark, text) for mark, text in ((GONE, old), (NEW, new)) if text]
    pieces: Pieces = []
    for op, a0, a1, b0, b1 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if op == "equal":
            pieces.append((SAME, "".join(a[a0:a1])))
            continue
        pieces += [
            (mark, "".join(some)) for mark, some in ((GONE, a[a0:a1]), (NEW, b[b0:b1])) if some
        ]
    return pieces
