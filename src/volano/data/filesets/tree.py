"""A Tree is what a version of a file set is: paths, and where the bytes of each lie.

The first line says the format and the bundles by digest; each further line is
one path, in order. A file is one piece of a bundle or several; a piece bears the
digest of its bytes, so that the next version finds those that it need not keep
again. The tree's own digest stands in the manifest: with it, all bytes are vouched for.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from volano.data.filesets.errors import BadTreeError
from volano.data.filesets.walk import FILE, FOLDER, LINK, PROGRAM

FORMAT = 1
_MODES = {FILE, PROGRAM, LINK, FOLDER}


class Piece(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Bytes within a bundle. `digest` is empty where it is that of the whole file."""

    bundle: int
    offset: int
    size: int
    digest: str = ""


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """One path. `digest` is the sha256 of the content in hexadecimal; `target` is a link's."""

    path: str
    mode: str
    size: int
    digest: str
    pieces: tuple[Piece, ...] = ()
    target: str = ""


class _Head(msgspec.Struct):
    format: int
    bundles: list[str]


@dataclass(frozen=True, slots=True)
class Tree:
    """All paths of a version, in order, and the digests of the bundles that their pieces name."""

    entries: list[Entry]
    bundles: list[str]

    def to_bytes(self) -> bytes:
        """Return the lines."""
        encoder = msgspec.json.Encoder()
        head = encoder.encode(_Head(FORMAT, self.bundles))
        return head + b"\n" + encoder.encode_lines(self.entries)

    @classmethod
    def from_bytes(cls, data: bytes, ref: str) -> "Tree":
        """Read a tree back.

        Raises:
            BadTreeError: it is none, of another format, or it would lead out of its folder.
        """
        first, _, rest = data.partition(b"\n")
        try:
            head = msgspec.json.decode(first, type=_Head)
            entries = msgspec.json.Decoder(Entry).decode_lines(rest)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadTreeError(ref=ref, why=str(error)) from error
        if head.format != FORMAT:
            raise BadTreeError(ref=ref, why=f"its format is {head.format}")
        tree = cls(entries, head.bundles)
        if why := _wrong(tree):
            raise BadTreeError(ref=ref, why=why)
        return tree

    def known(self) -> dict[str, Piece]:
        """Return the pieces by the digest of their bytes."""
        return {piece.digest or entry.digest: piece for entry, piece in self.pieces()}

    def pieces(self) -> Iterator[tuple[Entry, Piece]]:
        """Yield each piece with the entry that it belongs to."""
        for entry in self.entries:
            for piece in entry.pieces:
                yield entry, piece

    @property
    def content(self) -> str:
        """The digest of paths, modes and contents, however they are kept."""
        sha = hashlib.sha256()
        for entry in self.entries:
            sha.update(f"{entry.path}\0{entry.mode}\0{entry.digest}\0".encode())
        return f"sha256:{sha.hexdigest()}"


def compacted(entries: Iterable[Entry], bundles: list[str]) -> Tree:
    """Return the tree in order of its paths, with those bundles only that it needs."""
    ordered = sorted(entries, key=lambda entry: entry.path)
    used = sorted({piece.bundle for entry in ordered for piece in entry.pieces})
    if len(used) == len(bundles):
        return Tree(ordered, bundles)
    number = {old: new for new, old in enumerate(used)}
    moved = [
        msgspec.structs.replace(
            entry,
            pieces=tuple(
                Piece(number[piece.bundle], piece.offset, piece.size, piece.digest)
                for piece in entry.pieces
            ),
        )
        for entry in ordered
    ]
    return Tree(moved, [bundles[old] for old in used])


def _wrong(tree: Tree) -> str:
    """Return what makes a tree unusable; paths must stay below the folder they are written to."""
    leaves: set[str] = set()
    for entry in tree.entries:
        parts = entry.path.split("/")
        if not entry.path or {"", ".", ".."} & set(parts) or "\0" in entry.path:
            return f"{ascii(entry.path)[:80]} is no path within a folder"
        if entry.mode not in _MODES:
            return f"the mode {ascii(entry.mode)[:20]} is unknown"
        if entry.path in leaves:
            return f"{ascii(entry.path)[:80]} is there twice"
        leaves.add(entry.path)
        if any(not 0 <= piece.bundle < len(tree.bundles) for piece in entry.pieces):
            return "a piece lies in no bundle"
        if sum(piece.size for piece in entry.pieces) != entry.size and entry.mode in {
            FILE,
            PROGRAM,
        }:
            return f"the pieces of {ascii(entry.path)[:80]} do not make its size"
    for path in leaves:
        parent, slash, _ = path.rpartition("/")
        while slash:
            if parent in leaves:
                return f"{ascii(parent)[:80]} is a file and a folder"
            parent, slash, _ = parent.rpartition("/")
    return ""
