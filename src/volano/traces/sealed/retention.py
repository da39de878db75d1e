"""Retention: sealed rows go when their time is over, unless someone holds them.

A rule says how many days rows are kept, and perhaps how many their bodies are, of a channel,
a group (and all below it), a tag, or of everything. The rule with the most conditions decides
on a row; of several such, the one that keeps it longest. No rule: it is kept for good.

A hold is of a trace, a session, a channel or a group, or a stretch of time: what it covers is
kept whatever rules say, until it is released.

Days end at midnight UTC, so that a file is written anew once a day at most. Rules and holds
come from control in one file, whole or not at all; without that file nothing is deleted.
"""

import logging
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import msgspec

from volano.core.clock import Clock
from volano.traces.hot import HotStore, reading
from volano.traces.sealed import manifest
from volano.traces.sealed.columns import BODIES
from volano.traces.sealed.engine import Engine
from volano.traces.sealed.manifest import SealedFile
from volano.traces.sealed.rewriting import NotWantedError, Rewriting, Selection
from volano.traces.sealed.rules import DAY_US, Policy

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Counted:
    rows: int
    bodies: int


class Retention:
    """Deletes what may no longer be kept, one file a step."""

    def __init__(
        self, hot: HotStore, clock: Clock, policy: Path, engine: Engine, rewrite: Rewriting
    ):
        """`policy` is the file that control writes."""
        self._hot, self._clock, self._policy_path = hot, clock, policy
        self._engine, self._rewrite = engine, rewrite
        self._folder = manifest.folder_of(hot.path)
        self._looked: dict[str, tuple[bytes, int]] = {}

    def step(self) -> bool:
        """Look at files until one had something to delete; False: none has today.

        Raises:
            OSError, sqlite3.Error, Failed: it could not be deleted; all is as it was.
        """
        told = self._told()
        if told is None:
            return False
        policy = msgspec.json.decode(told, type=Policy)
        today_us = self._clock.now_us() // DAY_US * DAY_US
        with reading(self._hot.path) as conn:
            files = () if conn is None else manifest.load(conn)
        for file in files:
            if file.why or self._looked.get(file.path) == (told, today_us):
                continue
            if self._delete_from(file, policy, today_us, told):
                return True
            self._looked[file.path] = (told, today_us)
        named = {file.path for file in files}
        self._looked = {path: at for path, at in self._looked.items() if path in named}
        return False

    def _delete_from(self, file: SealedFile, policy: Policy, today_us: int, told: bytes) -> bool:
        if not policy.may_touch(file.min_us, today_us):
            return False
        have = file.columns.split(",")
        gone = Selection(
            f"({policy.expired(have, today_us)}) AND NOT ({policy.held(have)})",
            f"({policy.bodies_expired(have, today_us)}) AND NOT ({policy.held(have)})",
        )
        counted = self._count(file, gone)
        if not counted.rows and not counted.bodies:
            return False
        try:
            self._rewrite(
                [file],
                gone,
                still=lambda: self._told() == told,
                also=lambda conn: self._note(conn, file, counted),
            )
        except NotWantedError:
            return True
        (self._folder / file.path).unlink(missing_ok=True)
        log.info(
            "Retention deleted %d of %d %s of %s, and the bodies of %d more.",
            counted.rows,
            file.rows,
            file.table,
            file.day,
            counted.bodies,
        )
        return True

    def _count(self, file: SealedFile, gone: Selection) -> _Counted:
        """Count what would go; bodies that have gone before do not count again."""
        bodies = [name for name in file.columns.split(",") if name in BODIES]
        some = " OR ".join(f'"{name}" IS NOT NULL' for name in bodies) or "FALSE"
        path = str(self._folder / file.path).replace("'", "''")
        [(rows, emptied)] = self._engine.ask(
            f"SELECT count(*) FILTER ({gone.rows}), "  # noqa: S608 - our own conditions
            f"count(*) FILTER (({gone.bodies}) AND NOT ({gone.rows}) AND ({some})) "
            f"FROM read_parquet('{path}')"
        )
        return _Counted(rows, emptied)

    def _note(self, conn: sqlite3.Connection, file: SealedFile, counted: _Counted) -> None:
        now_us = self._clock.now_us()
        conn.execute(
            "INSERT INTO deletions VALUES (NULL, ?, ?, ?, ?, ?, ?)",
            (now_us, file.table, file.day, counted.rows, counted.bodies, file.path),
        )

    def _told(self) -> bytes | None:
        try:
            return self._policy_path.read_bytes()
        except FileNotFoundError:
            return None
