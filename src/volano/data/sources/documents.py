"""Reads HTML, PDF and DOCX in a process of its own: run as a script, one file after the other.

Parsers of such documents are large, partly in C, and a small hostile file can
make them take gigabytes or minutes, or break down. So they run here, where
memory and processor time are limited, and where a crash ends one file only.
This file imports nothing of volano: it must start fast, and needs nothing.

In comes a line of JSON for each file: `kind`, `path` and settings. Out come
lines with a `row`, or `aside` (reason, detail, where), at last `end`.
"""

import json
import resource
import signal
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

Told = dict[str, Any]
_MOST_PAGES = 100_000
_MOST_PARTS = 10_000
_TABLE_CELL = " | "


def html(asked: Told) -> Iterator[Told]:
    """Yield one row: the main text of a page, its title, language and links."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    with open(asked["path"], encoding=asked["encoding"], errors="strict") as file:  # noqa: PTH123 - no more than this is needed
        tree = HTMLTree.parse(file.read().removeprefix("\ufeff"))
    text = extract_plain_text(tree, main_content=True, preserve_formatting=True).strip()
    if not text:
        yield {"aside": ["no text", "", {}]}
        return
    row: Told = {"text": text}
    if title := " ".join(str(tree.title or "").split()):
        row["title"] = title
    root = tree.document.query_selector("html") if tree.document else None
    if root is not None and (lang := root.getattr("lang")):
        row["lang"] = lang.strip()[:35]
    if asked.get("links") and tree.body is not None:
        found = tree.body.query_selector_all("a[href]")
        row["links"] = [
            {"href": one.getattr("href") or "", "text": " ".join(str(one.text).split())}
            for one in found
        ]
    yield {"row": row}


def pdf(asked: Told) -> Iterator[Told]:
    """Yield a row a page, or one for the file."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(asked["path"])
    except pypdfium2.PdfiumError as error:
        yield {"aside": ["broken file", str(error)[:200], {}]}
        return
    title = (document.get_metadata_dict().get("Title") or "").strip()
    about = {"title": title} if title else {}
    pages, held = [], 0
    for number in range(min(len(document), _MOST_PAGES)):
        try:
            page = document[number]
            text = page.get_textpage().get_text_bounded()
            page.close()
        except pypdfium2.PdfiumError as error:
            yield {"aside": ["broken file", str(error)[:200], {"page": number + 1}]}
            continue
        text = text.replace("\r\n", "\n").replace("\ufffe", "-").strip()
        if asked["rows"] == "file":
            pages.append(text)
            held += len(text)
            if held > asked["document"]:
                yield {"aside": ["too large", "take a row a page (`rows: page`)", {}]}
                return
        elif text:
            yield {"row": {**about, "text": text}, "where": {"page": number + 1}}
        else:
            yield {"aside": ["no text", "a picture of a page?", {"page": number + 1}]}
    if asked["rows"] == "file":
        text = "\n\n".join(page for page in pages if page)
        yield {"row": {**about, "text": text}} if text else {"aside": ["no text", "", {}]}


def docx(asked: Told) -> Iterator[Told]:
    """Yield one row, or one a paragraph, of a DOCX whose parts are small enough."""
    import docx as python_docx

    if why := _too_much(asked):
        yield {"aside": [*why, {}]}
        return
    document = python_docx.Document(asked["path"])
    title = (document.core_properties.title or "").strip()
    about = {"title": title} if title else {}
    parts = [part for part in map(_said, document.iter_inner_content()) if part.strip()]
    if not parts:
        yield {"aside": ["no text", "", {}]}
    elif asked["rows"] == "paragraph":
        for number, part in enumerate(parts, 1):
            yield {"row": {**about, "text": part}, "where": {"paragraph": number}}
    else:
        yield {"row": {**about, "text": "\n\n".join(parts)}}


def _too_much(asked: Told) -> tuple[str, str] | None:
    """Return why a zip file must not be parsed: what it declares, and what it really holds."""
    with zipfile.ZipFile(asked["path"]) as archive:
        parts = archive.infolist()
        declared = sum(part.file_size for part in parts)
        if len(parts) > _MOST_PARTS or declared > asked["document"]:
            return "unpacks too far", f"{len(parts)} parts, {declared} bytes"
        real = 0
        for part in parts:
            with archive.open(part) as file:
                while piece := file.read(1 << 16):
                    real += len(piece)
                    if real > asked["document"]:
                        return "unpacks too far", f"more than {asked['document']} bytes"
    return None


def _said(block: Any) -> str:
    if hasattr(block, "rows"):
        return "\n".join(_TABLE_CELL.join(cell.text for cell in row.cells) for row in block.rows)
    return str(block.text)


READERS = {"html": html, "pdf": pdf, "docx": docx}


def serve() -> None:
    """Read what is asked for on the standard input, until it ends."""
    out = sys.stdout
    for line in sys.stdin:
        asked = json.loads(line)
        _bound(asked)
        try:
            for told in READERS[asked["kind"]](asked):
                if len((told.get("row") or {}).get("text", "")) > asked["document"]:
                    told = {"aside": ["too large", "", told.get("where", {})]}
                out.write(json.dumps(told) + "\n")
                out.flush()  # so that a page that breaks the reader takes no other with it
        except ModuleNotFoundError as error:
            out.write(json.dumps({"missing": error.name}) + "\n")
        except MemoryError:
            out.write(json.dumps({"aside": ["reader gave up", "out of memory", {}]}) + "\n")
        except Exception as error:  # noqa: BLE001 - whatever a parser says of a strange file
            why = f"{type(error).__name__}: {error}"[:200]
            out.write(json.dumps({"aside": ["broken file", why, {}]}) + "\n")
        out.write('{"end": true}\n')
        out.flush()


def _bound(asked: Told) -> None:
    """Limit memory (once) and, for each file anew, processor time: beyond it the kernel kills."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY:
        with open("/proc/self/statm") as file:  # noqa: PTH123
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + asked["memory"],) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.setitimer(signal.ITIMER_PROF, asked["seconds"])


if __name__ == "__main__":
    serve()
