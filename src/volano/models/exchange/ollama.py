"""Ollama: its local store, and the Modelfile that it makes models from.

The store has manifests (`manifests/HOST/NAMESPACE/NAME/TAG`, JSON) whose layers
name blobs (`blobs/sha256-HEX`) by digest and media type. Blobs are hashed when
they are taken: what is not its digest is refused.

Source: github.com/ollama/ollama, `types/model/name.go`, `server/manifest.go`, docs/modelfile.md.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from volano.models.checks.configs import read_bounded, unique
from volano.models.errors import RefusedFileError, UnknownSourceError
from volano.models.exchange.modelfile import MODELFILE, Modelfile, line
from volano.models.exchange.staging import copy
from volano.models.kinds import GGUF

PREFIX = "ollama:"
_LAYERS = {
    "application/vnd.ollama.image.model": GGUF,
    "application/vnd.ollama.image.license": "LICENSE",
}
_SAID = {
    "application/vnd.ollama.image.template": "TEMPLATE",
    "application/vnd.ollama.image.system": "SYSTEM",
    "application/vnd.ollama.image.params": "PARAMETER",
    "application/vnd.ollama.image.messages": "MESSAGE",
    "application/vnd.ollama.image.adapter": "ADAPTER",
}
"""Layers that a Modelfile says in words: they are written as one again. Each but the last stands once."""
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,79}")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_MOST_MANIFEST = 1 << 20
_ACTING = re.compile(r'"+|\{\{')
"""What ends a text in a Modelfile or begins an action in its template."""


def store(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of Ollama's models on this machine."""
    said = environment.get("OLLAMA_MODELS")
    return Path(said) if said else Path.home() / ".ollama" / "models"


def take(
    name: str, to: Path, root: Path
) -> tuple[dict[str, Path], dict[str, Any], Modelfile | None]:
    """Copy a model out of the store; return its files, what is known of its source, and its words.

    The Modelfile among the files holds of its words what one can say.

    Raises:
        UnknownSourceError: there is no such model.
        RefusedFileError: its manifest or a blob is not what it should be.
    """
    path = _manifest(name, root)
    files: dict[str, Path] = {}
    skipped: list[str] = []
    worded: dict[str, str] = {}
    for kind, hexed in _layers(path, name):
        if word := _SAID.get(kind):
            if word in worded and word != "ADAPTER":
                reason = f"its manifest has {word} twice"
                raise RefusedFileError(file=name, reason=reason, way="Pull it again.")
            worded[word] = hexed
            continue
        file = _LAYERS.get(kind)
        if file is None or file in files:
            skipped.append(kind.rpartition(".")[2])
            continue
        files[file] = copy(root / "blobs" / f"sha256-{hexed}", to / file, file, hexed)
    if GGUF not in files:
        raise UnknownSourceError(source=PREFIX + name, reason="its manifest names no weights")
    said = Modelfile() if worded else None
    if said is not None:
        texts = [one for word, hexed in worded.items() for one in _words(word, hexed, root, to)]
        for word, key, text in texts:
            said.add(word, key, text)
        files[MODELFILE] = to / MODELFILE
        told = [made for one in texts if (made := line(*one)) is not None]
        text = "\n".join([f"FROM ./{GGUF}", *told]) + "\n"
        files[MODELFILE].write_text(text, encoding="utf-8")
    source = {"ollama": name, **({"skipped": sorted(set(skipped))} if skipped else {})}
    return files, source, said


def _words(word: str, hexed: str, root: Path, to: Path) -> list[tuple[str, str, str]]:
    """Return what a layer says: a word of a Modelfile, the name beside it, and its text.

    What is no word at all is given as the layer's name: a Modelfile does not know it.
    """
    if word == "ADAPTER":
        return [("adapter", "", "./adapter")]
    place = copy(root / "blobs" / f"sha256-{hexed}", to / f"layer-{hexed}", word, hexed)
    raw = read_bounded(place, _MOST_MANIFEST, word).decode(errors="replace")
    place.unlink()
    if word in ("TEMPLATE", "SYSTEM"):
        return [(word.lower(), "", raw)]
    try:
        told = json.loads(raw, object_pairs_hook=unique)
        if word == "MESSAGE":
            pairs = [(str(one["role"]), one["content"]) for one in told]
        else:
            every = [(k, v if isinstance(v, list) else [v]) for k, v in told.items()]
            pairs = [(key, value) for key, values in every for value in values]
        texts = [(key, v if isinstance(v, str) else json.dumps(v)) for key, v in pairs]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [(f"{word} (none is read)", "", "")]
    return [
        (word.lower(), key, text) if _is_said(key, text) else (f"{word} {key!a:.20}", "", "")
        for key, text in texts
    ]


def _is_said(key: str, text: str) -> bool:
    """Whether a name is one, and its text can be written at all: JSON may hold halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return key.isascii() and key.isidentifier()


def modelfile(*, around: tuple[str, str] | None = None, settings: Mapping[str, Any]) -> str:
    """Return a Modelfile for the GGUF beside it; `around` are the words before a prompt and after it.

    With None Ollama takes the chat template that the GGUF has, as far as it knows it.
    """
    lines = [f"FROM ./{GGUF}"]
    if around is not None:
        before, after = (_ACTING.sub(_quoted, part) for part in around)
        lines.append(f'TEMPLATE """{before}{{{{ .Prompt }}}}{after}"""')
    lines += [f"PARAMETER {name} {value}" for name, value in settings.items()]
    return "\n".join(lines) + "\n"


def _quoted(found: "re.Match[str]") -> str:
    """Return what a template would act on as a text that it prints."""
    escaped = found[0].replace('"', '\\"')
    return f'{{{{ "{escaped}" }}}}'


def _manifest(name: str, root: Path) -> Path:
    rest, _, tag = name.partition(":")
    parts = rest.split("/")
    if not 1 <= len(parts) <= 3 or not all(map(_PART.fullmatch, [*parts, tag or "latest"])):
        raise UnknownSourceError(source=(PREFIX + name)[:200], reason="it is no name of Ollama's")
    usual = ["registry.ollama.ai", "library"]
    place = [*usual[: 3 - len(parts)], *parts]
    path = root.joinpath("manifests", *place, tag or "latest")
    if not path.is_file():
        raise UnknownSourceError(source=PREFIX + name, reason=f"{path} is not there")
    return path


def _layers(path: Path, name: str) -> list[tuple[str, str]]:
    try:
        raw = read_bounded(path, _MOST_MANIFEST, name)
        layers = json.loads(raw, object_pairs_hook=unique)["layers"]
        found = [(one["mediaType"], _DIGEST.fullmatch(one["digest"])) for one in layers]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = "its manifest is not one of Ollama's"
        raise RefusedFileError(file=name, reason=reason, way="Pull it again.") from error
    if not all(isinstance(kind, str) and match for kind, match in found):
        reason = "a digest in its manifest is none"
        raise RefusedFileError(file=name, reason=reason, way="Pull it again.")
    return [(kind, match[1]) for kind, match in found if match]
