"""Worded: the words that a model was trained to be asked in, within what goes out.

In a GGUF they become part of its chat template, so that any engine that renders it
asks rightly; a key of ours beside it says them too. At import the key is taken out
again, and the template is as it was: the file has its first bytes again, and the
wording is known. Other forms say them in a file of their own, `wording.json`.
"""

import json
import struct
from collections.abc import Mapping
from pathlib import Path

from volano.models.checks.gguf import TEMPLATE, Header, check_gguf
from volano.models.wording import Wording

FILE = "wording.json"
KEY = "volano.wording"
_COUNTS, _FIRST = 16, 24
"""Where in a GGUF the count of keys stands, and the first of them."""
_TEXT = 8
_PIECE = 4 << 20


def put_in(path: Path, wording: Wording) -> str | None:
    """Write a wording into a GGUF; return the chat template that was there.

    None: it has none, and stays as it is. Engines then take one of their own.
    """
    header = check_gguf(path, numbers=False)
    template = header.values.get(TEMPLATE)
    if not isinstance(template, str):
        return None
    said = json.dumps(wording.to_dict(), ensure_ascii=False)
    _rewrite(path, header, {TEMPLATE: _prelude(wording) + template, KEY: said})
    return template


def take_out(path: Path, header: Header) -> Wording | None:
    """Make a GGUF again what it was before `put_in`, and return its wording.

    None: it holds none, or its template was changed since and is left alone.
    """
    said, template = header.values.get(KEY), header.values.get(TEMPLATE)
    wording = read(said) if isinstance(said, str) else None
    if wording is None or not isinstance(template, str):
        return None
    prelude = _prelude(wording)
    if not template.startswith(prelude):
        return None
    _rewrite(path, header, {TEMPLATE: template.removeprefix(prelude), KEY: None})
    return wording


def write_template(path: Path, header: Header, template: str) -> None:
    """Give a GGUF a chat template."""
    _rewrite(path, header, {TEMPLATE: template})


def read(text: str) -> Wording | None:
    """Return the wording that a JSON text says; None where it is none."""
    try:
        return Wording.from_dict(json.loads(text))
    except (ValueError, RecursionError):
        return None


def write(folder: Path, wording: Wording) -> None:
    """Write the file beside a model's others."""
    text = json.dumps(wording.to_dict(), ensure_ascii=False, indent=1)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def _prelude(wording: Wording) -> str:
    """Return what a chat template does first: the last words of a user get the wording around them."""
    if wording.is_bare:
        return ""
    before, after = map(_literal, wording.around)
    last = "messages[-1]['content']"
    asked = f"{before} ~ {last} ~ {after} if messages[-1]['role'] == 'user' else {last}"
    turn = f"{{'role': messages[-1]['role'], 'content': {asked}}}"
    # What is printed keeps a new line that the template may begin with.
    return f"{{% set messages = messages[:-1] + [{turn}] %}}{{{{ '' }}}}"


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped.replace(chr(13), chr(92) + 'r')}'"


def _rewrite(path: Path, header: Header, texts: Mapping[str, str | None]) -> None:
    """Write a GGUF anew with other texts, new ones last; None leaves a key out. Its data stay."""
    with path.open("rb") as given:
        old = given.read(header.infos[1])
    kept = [
        _pair(key, text) if (text := texts.get(key)) is not None else old[begin:end]
        for key, (begin, end) in header.places.items()
        if key not in texts or texts[key] is not None
    ]
    kept += [_pair(k, t) for k, t in texts.items() if t is not None and k not in header.places]
    head = old[:_COUNTS] + struct.pack("<Q", len(kept)) + b"".join(kept)
    head += old[slice(*header.infos)]
    head += b"\0" * (-len(head) % header.alignment)
    part = path.with_name(f"{path.name}.part")
    with path.open("rb") as given, part.open("xb") as new:
        new.write(head)
        given.seek(-(-header.infos[1] // header.alignment) * header.alignment)
        while piece := given.read(_PIECE):
            new.write(piece)
    part.replace(path)


def _pair(key: str, text: str) -> bytes:
    name, said = key.encode(), text.encode()
    return struct.pack("<Q", len(name)) + name + struct.pack("<IQ", _TEXT, len(said)) + said
