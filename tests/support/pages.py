"""Reads documentation: its code blocks, its links, and the commands that it names."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(\w*)$")
_NEEDS = re.compile(r"^<!-- needs: (\w+) -->$")
_INLINE = re.compile(r"`volano ((?:--)?[a-z][^`\n]*)`")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_SAID = re.compile(r"(?:^|\$ |\$\()volano ((?:--)?[a-z].*)")
_END = re.compile(r"[|&;)<>#]|\d?>")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, its line, and what it needs to be run."""

    language: str
    text: str
    line: int
    needs: str = ""


def pages() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.md") if not _foreign(path))


def _foreign(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return any(part.startswith(".") or part in {"node_modules", "shared"} for part in parts)


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks in order; `<!-- needs: x -->` holds from there to the page's end."""
    language, held, begun, needs = None, [], 0, ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if language is None:
            if found := _NEEDS.match(line):
                needs = found[1]
            if fence:
                language, held, begun = fence[1], [], number
        elif line == "```":
            yield Block(language, "\n".join(held), begun, needs)
            language = None
        else:
            held.append(line)


def links(page: Path) -> list[str]:
    return [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]


def commands_in(text: str) -> list[list[str]]:
    """Return the words of each `volano …` between backticks."""
    return [words(found) for found in _INLINE.findall(text)]


def commands_of(page: Path) -> list[list[str]]:
    """Return the words of each command of volano that a page names or runs."""
    text = page.read_text(encoding="utf-8")
    said = commands_in(re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))
    for block in blocks(page):
        if block.language in {"sh", "console"}:
            joined = block.text.replace("\\\n", " ")
            said += [words(m[1]) for line in joined.splitlines() if (m := _SAID.search(line))]
    return said


def words(command: str) -> list[str]:
    """Split a command as a shell does; what comes after `|`, `>` or `)` is not its own."""
    lexer = shlex.shlex(command.replace("…", " … "), posix=True, punctuation_chars="|&;()<>")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    found: list[str] = []
    try:
        for word in lexer:
            if set(word) <= set("|&;()<>"):
                break
            found.append(word)
    except ValueError:
        return command.split()
    return found
