"""A bundle: what a child process hands to its Run, in a folder of the Run's own.

The shards are hard links, so that the cache may forget them before the Run has
made its dataset. `bundle.json` says which and in which order, with the report.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from volano.data.recipe.cache import Cache
from volano.data.recipe.engine import Prepared
from volano.data.recipe.shard import Shard, read_file
from volano.data.step import Record, Rejected
from volano.store import pack

NAME = "bundle.json"


def pack_up(prepared: Prepared, cache: Cache, folder: Path) -> None:
    """Link the shards into the folder, and say there what they are.

    Raises:
        DiskFullError: no room.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for shard in (*prepared.shards, *prepared.rejected):
        if shard.size:
            _link(cache.shards.path(shard.sha256), folder / shard.sha256)
    told = {
        "shards": [one.to_list() for one in prepared.shards if one.size],
        "rejected": [one.to_list() for one in prepared.rejected if one.size],
        "content": prepared.content, "counts": prepared.counts(), "times": prepared.times(),
        "states": [dict(one) for one in prepared.states],
    }  # fmt: skip
    with pack.new_file(folder / NAME) as file:
        file.write(json.dumps(told, ensure_ascii=False).encode())


def _link(source: Path, target: Path) -> None:
    with suppress(FileExistsError):
        try:
            os.link(source, target)
        except FileExistsError:
            raise
        except OSError:
            with pack.room_for(target):
                shutil.copyfile(source, target)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that lies in a folder."""

    folder: Path
    told: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> "Bundle":
        """Read what was packed up."""
        return cls(folder, json.loads((folder / NAME).read_bytes()))

    def rows(self) -> Iterator[tuple[str, Record]]:
        """Yield each row with its split.

        Raises:
            DamagedShardError: the bytes are not what was written.
        """
        for row in self._read("shards"):
            split = row.pop("split", None)
            yield split if isinstance(split, str) and split else "train", row

    def rejected(self) -> Iterator[Rejected]:
        """Yield each rejected row (see `rows`)."""
        for one in self._read("rejected"):
            yield Rejected(one["row"], one["step"], one["reason"], one["detail"], one["of"])

    def _read(self, part: str) -> Iterator[Record]:
        for raw in self.told[part]:
            shard = Shard.from_list(raw)
            yield from read_file(self.folder / shard.sha256, shard)
