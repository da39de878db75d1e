"""Pickles, whatever they are called: to read one is to run what its author wrote."""

import re
from pathlib import Path

from volano.models.errors import RefusedFileError

SUFFIXES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".dill", ".npy", ".npz")
"""Names that pickles usually have. The bytes decide, where they are known."""

WAY = (
    "Load it once where you trust it and write it with `save_pretrained(folder)`, "
    "which writes safetensors; then import that folder."
)
_HEAD = 4096
_BINARY = re.compile(rb"\x80[\x00-\x0a]")
_TEXT = re.compile(
    rb"(?:\(|\(?[dl]p?[0-9]*\n?|\]|\})?\(?(?:c[A-Za-z_][\w.]*\n\w+\n|i[A-Za-z_][\w.]*\n\w+\n|[ld]p0\n)"
)
_OTHERS = (
    (b"PK\x03\x04", "a zip archive, as `torch.save` writes it around a pickle"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x93NUMPY", "an array of NumPy, which may hold a pickle"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\x89HDF", "an HDF5 file, whose layers may carry code"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"#!", "a script"),
)


def seen(head: bytes, *, words: bool = False) -> str:
    """Return what of this kind the first bytes of a file are; empty when they are none of it.

    A file of `words` may begin with letters that elsewhere mean something.
    """
    if _BINARY.match(head):
        return "a pickle, which can run any code when it is read"
    for magic, what in _OTHERS:
        if head.startswith(magic) and not (
            words and magic.isascii() and magic.decode().isprintable()
        ):
            return what
    if not words and _TEXT.match(head):
        return "a pickle as text, which can run any code when it is read"
    if head[257:262] == b"ustar":
        return "a tar archive"
    return ""


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def refuse_pickle(path: Path, name: str = "", *, words: bool = False) -> None:
    """Refuse a file whose first bytes are a pickle's, an archive's or a program's.

    Raises:
        RefusedFileError: they are.
    """
    if what := seen(head_of(path), words=words):
        raise RefusedFileError(file=name or path.name, reason=f"it is {what}", way=WAY)
