"""What differs between two texts, word by word. Where a script has no spaces, a character is a word."""

import difflib
import re

SAME, GONE, NEW = "=", "-", "+"
MOST = 4000
"""Words of a text that are compared one by one; longer texts are compared by lines."""
FEW = 300
"""In longer texts words that are everywhere are no anchors: else the search is cubic."""
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
    """Return pieces: what is in both (`=`), only in the old (`-`), only in the new (`+`).

    A space between two changes is read as part of them.
    """
    a, b = words(old), words(new)
    if max(len(a), len(b)) > MOST:
        a, b = old.splitlines(keepends=True), new.splitlines(keepends=True)
        if max(len(a), len(b)) > MOST:
            a, b = [old], [new]
    elif max(len(a), len(b)) > FEW:
        return _pieces(a, b, anchors=True)
    return _pieces(a, b)


def _pieces(a: list[str], b: list[str], *, anchors: bool = False) -> Pieces:
    """Return the pieces; with `anchors` a word that is everywhere begins no match."""
    pieces: Pieces = []
    gone: list[str] = []
    new: list[str] = []
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=anchors)
    for op, a0, a1, b0, b1 in matcher.get_opcodes():
        both = "".join(a[a0:a1])
        if op == "equal" and (not both.isspace() or not (gone or new)):
            _flush(pieces, gone, new)
            pieces.append((SAME, both))
        else:
            gone += a[a0:a1]
            new += b[b0:b1]
    _flush(pieces, gone, new)
    return pieces


def _flush(pieces: Pieces, gone: list[str], new: list[str]) -> None:
    for mark, cut in ((GONE, gone), (NEW, new)):
        if text := "".join(cut):
            pieces.append((mark, text))
        cut.clear()
