"""Runs: start a job, look at it, stop it, try it again.

The table `runs` is the truth that people read; the engine only sees to it that
the work gets done. So each change of state is one transaction with its event in
the ledger, and `launch` brings the engine in line with the table after a crash.
"""

import contextlib
import fcntl
import logging
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection

from volano.core.clock import Clock
from volano.core.errors import UnavailableError
from volano.core.ids import uuid7
from volano.core.principal import SYSTEM, Principal
from volano.core.text import nfc
from volano.jobs import lifeline, progress
from volano.jobs.attend import Care, end_all
from volano.jobs.errors import (
    AlreadyLaunchedError,
    HostStopping,
    KindTakenError,
    RunCancelled,
    RunFinishedError,
    RunNotOverError,
    RunSucceededError,
    StillGoingError,
    UnknownKindError,
)
from volano.jobs.folder import two_lines
from volano.jobs.plain import dumps, plain
from volano.jobs.progress import Progress
from volano.jobs.run import Run, State
from volano.jobs.tables import active, add, change, counted, listed, read
from volano.jobs.work import Attention, Work, write_log
from volano.store.db import Database
from volano.store.ledger import Ledger

if TYPE_CHECKING:
    from volano.jobs.engine import Engine

log = logging.getLogger(__name__)

T = TypeVar("T")

Job = Callable[[Work], Mapping[str, Any]]
RunList = list[Run]
ProgressList = list[Progress]
Paths = list[Path]

MAX_BEGINNINGS = 100
"""How often a run may be begun in one attempt before it is taken to bring the host down."""


LOST = "The job engine has ended this run without saying how."
FELLED = f"volano ended {MAX_BEGINNINGS} times within this run, so it was given up."
RETRY = "Try it once more with `volano run retry {run}`."


class Runs:
    """The runs of one workspace.

    `folder` holds a folder for each run; `jobs_url` is the engine's own database
    (`sqlite:////.../jobs.db` or Postgres). Reading needs no launch. `launch`,
    `start`, `cancel` and `retry` block: call them from a thread, never from a
    running event loop.
    """

    def __init__(
        self,
        db: Database,
        ledger: Ledger,
        folder: Path,
        clock: Clock,
        *,
        jobs_url: str,
        jobs_schema: str = "volano_jobs",
        concurrency: int = 1,
        poll_s: float = 0.5,
        care: Care | None = None,
    ):
        self._db = db
        self._ledger = ledger
        self._folder = folder
        self._clock = clock
        self._care = care if care is not None else Care(lifeline=lifeline.inherited())
        self._jobs_url = jobs_url
        self._how: dict[str, Any] = {
            "concurrency": concurrency,
            "poll_s": poll_s,
            "schema": jobs_schema,
        }
        self._engine: Engine | None = None
        self._kinds: dict[str, Job] = {}
        self._needs: dict[str, tuple[str, ...]] = {}
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._busy: dict[tuple[str, int], Attention] = {}
        self._left = threading.Condition()
        self._lock: int | None = None

    def register(self, kind: str, fn: Job, *, needs: Sequence[str] = ()) -> None:
        """Tell what to do for a kind of job. All kinds must be known before `launch`.

        `needs` are the inputs without which it can do nothing.

        Raises:
            KindTakenError: the kind has another function already.
        """
        if self._kinds.setdefault(kind, fn) is not fn:
            raise KindTakenError(kind=kind)
        self._needs[kind] = tuple(needs)

    @property
    def launched(self) -> bool:
        """Whether this process works on runs."""
        return self._engine is not None and self._engine.launched

    def launch(self) -> None:
        """Begin to work: carry on with what a former process left, take what is queued.

        Raises:
            AlreadyLaunchedError: another process does that already.
            JobsDatabaseError: the engine's database cannot be used.
        """
        self._take_lock()
        self._stopping.clear()
        self._ready.clear()
        try:
            self._new_engine().launch(self._work)
            self._catch_up()
        except BaseException:
            self.close(wait_s=0)
            raise
        self._ready.set()

    def close(self, *, wait_s: float = 5.0) -> None:
        """Stop working; children live on, and the next launch comes back to them.

        Waits at most `wait_s` for steps that run in this process.
        """
        self._stopping.set()
        self._ready.set()
        with self._left:
            for attention in self._busy.values():
                attention.wake()
            self._left.wait_for(lambda: not self._busy, wait_s)
        if self._engine is not None:
            self._engine.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def start(
        self,
        kind: str,
        *,
        name: str,
        inputs: Mapping[str, Any],
        by: Principal,
        group: str = "",
    ) -> Run:
        """Queue a new run; without a launch it waits for the next one.

        Raises:
            UnknownKindError: no function is registered for the kind.
            NotPlainError, NotCanonicalError: the inputs are not plain JSON.
        """
        with self._db.write() as conn:
            run_id = self.put(conn, kind, name=name, inputs=inputs, by=by, group=group)
        self.hand_over(run_id)
        return self.get(run_id)

    def put(
        self,
        conn: Connection,
        kind: str,
        *,
        name: str,
        inputs: Mapping[str, Any],
        by: Principal,
        group: str = "",
    ) -> str:
        """Write a new run down as part of a transaction; `hand_over` it once that is committed.

        Who dies in between loses nothing: the next launch takes it up.

        Raises:
            UnknownKindError, NotPlainError, NotCanonicalError: as in `start`.
        """
        self.check_kind(kind)
        now = self._clock.now_us()
        run_id = uuid7(now)
        row = {
            "id": run_id,
            "kind": kind,
            "name": nfc(name),
            "state": "queued",
            "by": nfc(str(by)),
            "group": nfc(group),
            "inputs": dumps(plain(dict(inputs), "The input")),
            "attempt": 1,
            "created_us": now,
        }
        add(conn, row)
        content = {"kind": kind, "name": row["name"], "inputs": dict(inputs)}
        self._note("start", run_id, content, by=by, conn=conn)
        return run_id

    def hand_over(self, run_id: str) -> None:
        """Give a run that was `put` to the engine, where one works."""
        if self._engine is not None and self._engine.launched:
            self._engine.enqueue(run_id, 1)

    def check_kind(self, kind: str) -> None:
        """See that this kind of job is known.

        Raises:
            UnknownKindError: it is not.
        """
        if kind not in self._kinds:
            raise self._unknown(kind)

    def lacking(self, kind: str, inputs: Mapping[str, Any]) -> list[str]:
        """Return which inputs this kind of job needs that are not among these."""
        return [name for name in self._needs.get(kind, ()) if name not in inputs]

    def get(self, run_id: str) -> Run:
        """Return a run as it is now, with its newest progress.

        Raises:
            UnknownRunError: there is none of this id.
        """
        with self._db.read() as conn:
            run = read(conn, run_id)
        return _with_progress(run, self._latest(run_id))

    def list(
        self,
        *,
        kind: str | None = None,
        state: State | None = None,
        limit: int = 50,
        before_us: int | None = None,
    ) -> RunList:
        """Return runs, newest first, without their progress."""
        with self._db.read() as conn:
            return listed(conn, kind=kind, state=state, limit=limit, before_us=before_us)

    def progress(self, run_id: str) -> ProgressList:
        """Return all that the stages of a run have said about their progress, by time.

        Raises:
            UnknownRunError: there is none of this id.
        """
        run_id = self.get(run_id).id
        entries = [p for path in self._progress_files(run_id) for p in _stage(path)]
        return sorted(entries, key=lambda entry: entry.at_us)

    def log(self, run_id: str) -> str:
        """Return the log of a run: what the job said, and where its steps failed.

        Raises:
            UnknownRunError: there is none of this id.
        """
        try:
            return (self._home(self.get(run_id).id) / "run.log").read_text("utf-8", "replace")
        except OSError:
            return ""

    def cancel(self, run_id: str, *, by: Principal) -> Run:
        """Stop a run for good. Its child is asked to leave, then killed; its folder stays.

        Raises:
            UnknownRunError: there is none of this id.
            RunFinishedError: it is over already.
        """
        with self._db.write() as conn:
            run = read(conn, run_id)
            if run.over:
                raise RunFinishedError(run=run_id, state=run.state)
            change(conn, run_id, state="cancelled", ended_us=self._clock.now_us())
            self._note("cancel", run_id, {"attempt": run.attempt}, by=by, conn=conn)
        with self._left:
            attention = self._busy.get((run_id, run.attempt))
        if attention is not None:
            attention.cancel()
        return self.get(run_id)

    def retry(self, run_id: str, *, by: Principal) -> Run:
        """Queue a failed or cancelled run again: good steps stay, children resume.

        Raises:
            UnknownRunError: there is none of this id.
            RunNotOverError: it is queued or running.
            RunSucceededError: it is done.
            UnknownKindError: no function is registered for its kind.
        """
        with self._db.write() as conn:
            run = read(conn, run_id)
            if not run.over:
                raise RunNotOverError(run=run_id, state=run.state)
            if run.state == "done":
                raise RunSucceededError(run=run_id)
            if run.kind not in self._kinds:
                raise self._unknown(run.kind)
            fresh = {"error": None, "outputs": None, "started_us": None, "ended_us": None}
            change(conn, run_id, state="queued", attempt=run.attempt + 1, **fresh)
            self._note("retry", run_id, {"attempt": run.attempt + 1}, by=by, conn=conn)
        if self._engine is not None and self._engine.launched:
            self._engine.enqueue(run_id, run.attempt + 1)
        return self.get(run_id)

    def wait(self, run_id: str, timeout_s: float | None = None) -> Run:
        """Return the run once it is over.

        Raises:
            UnknownRunError: there is none of this id.
            StillGoingError: it is not over after `timeout_s` seconds.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not (run := self.get(run_id)).over:
            if deadline is not None and time.monotonic() > deadline:
                raise StillGoingError(run=run_id, state=run.state, timeout_s=timeout_s)
            time.sleep(0.05)
        return run

    def counts(self) -> dict[str, int]:
        """Return how many runs are in each state that has any."""
        with self._db.read() as conn:
            return counted(conn)

    def _work(self, run_id: str, attempt: int) -> None:
        """One attempt at a run: the body of the engine's workflow."""
        self._ready.wait()
        with self._attending(run_id, attempt) as attention:
            run = self._patiently(lambda: self._begin(run_id, attempt))
            if run is None:
                return
            try:
                outputs = self._outputs(run, attention)
            except RunCancelled:
                return
            except Exception as error:  # noqa: BLE001 - whatever a job raises is its run's error
                self._leave_if_stopping()
                write_log(self._home(run_id), self._clock.now_us(), traceback.format_exc())
                lines = two_lines(error, self._home(run_id) / "run.log")
                self._patiently(lambda: self._end(run, "failed", {"error": lines}))
            else:
                self._leave_if_stopping()
                self._patiently(lambda: self._end(run, "done", {"outputs": outputs}))

    @contextlib.contextmanager
    def _attending(self, run_id: str, attempt: int) -> Iterator[Attention]:
        attention = Attention(self._stopping)
        with self._left:
            self._busy[run_id, attempt] = attention
        try:
            self._leave_if_stopping()
            yield attention
        finally:
            with self._left:
                del self._busy[run_id, attempt]
                self._left.notify_all()

    def _begin(self, run_id: str, attempt: int) -> Run | None:
        """Set the run running; None when this attempt is none of ours any more."""
        with self._db.write() as conn:
            run = read(conn, run_id)
            if run.over or run.attempt != attempt:
                return None
            started = run.started_us or self._clock.now_us()
            change(conn, run_id, state="running", started_us=started)
        self._home(run_id).mkdir(mode=0o700, parents=True, exist_ok=True)
        return run

    def _new_engine(self) -> "Engine":
        """Import the engine where work begins: reading and queueing start in half the time."""
        from volano.jobs.engine import Engine

        self._engine = Engine(self._jobs_url, **self._how)
        return self._engine

    def _outputs(self, run: Run, attention: Attention) -> dict[str, Any]:
        assert self._engine is not None, "only the engine asks for work"
        if run.kind not in self._kinds:
            raise self._unknown(run.kind)
        work = Work(
            run,
            self._home(run.id),
            engine=self._engine,
            clock=self._clock,
            care=self._care,
            attention=attention,
        )
        made = plain(dict(self._kinds[run.kind](work)), "The result of the job")
        attention.pause(0)
        return made

    def _patiently(self, write: Callable[[], T]) -> T:
        """Write a state down, and wait as long as the disk is full or the store busy."""
        while True:
            try:
                return write()
            except UnavailableError as error:
                log.warning("Cannot write the state of a run yet: %s", error)
                if self._stopping.wait(1.0):
                    raise HostStopping from error

    def _end(self, run: Run, state: State, facts: dict[str, Any]) -> None:
        """Write down how the run ended, unless it was ended already."""
        by_kind, _, by_name = run.by.partition(":")
        by = Principal(by_kind, by_name)
        with self._db.write() as conn:
            now = read(conn, run.id)
            if now.over or now.attempt != run.attempt:
                return
            written = {name: dumps(value) for name, value in facts.items()}
            change(conn, run.id, state=state, ended_us=self._clock.now_us(), **written)
            verb = {"done": "finish", "failed": "fail"}[state]
            self._note(verb, run.id, {"attempt": run.attempt, **facts}, by=by, conn=conn)

    def _catch_up(self) -> None:
        """Bring the engine in line with the table, which a crash may have left apart."""
        assert self._engine is not None, "launched just now"
        for run in self._active():
            if run.kind not in self._kinds:
                self._end_lost(run, self._unknown(run.kind))
                continue
            status = self._engine.status(run.id, run.attempt)
            if status is None:
                self._engine.enqueue(run.id, run.attempt)
            elif status[0]:
                self._end_lost(run, UnavailableError(LOST, hint=RETRY.format(run=run.id)))
            elif status[1] > MAX_BEGINNINGS:
                self._end_lost(run, UnavailableError(FELLED, hint=RETRY.format(run=run.id)))
        ids = {run.id for run in self._active()}
        end_all(self._folder, self._care, but=lambda run_id: run_id in ids)

    def _active(self) -> RunList:
        with self._db.read() as conn:
            return active(conn)

    def _end_lost(self, run: Run, error: Exception) -> None:
        lost = two_lines(error)
        with self._db.write() as conn:
            change(conn, run.id, state="failed", ended_us=self._clock.now_us(), error=dumps(lost))
            content = {"attempt": run.attempt, "error": lost}
            self._note("fail", run.id, content, by=SYSTEM, conn=conn)

    def _take_lock(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(fd)
            raise AlreadyLaunchedError(folder=self._folder) from error
        self._lock = fd

    def _leave_if_stopping(self) -> None:
        if self._stopping.is_set():
            raise HostStopping

    def _note(
        self, verb: str, run_id: str, content: dict[str, Any], *, by: Principal, conn: Connection
    ) -> None:
        self._ledger.append(verb, f"run/{run_id}", (), content, by=by, conn=conn)

    def _unknown(self, kind: str) -> UnknownKindError:
        return UnknownKindError(kind=kind, known=", ".join(sorted(self._kinds)) or "none")

    def _home(self, run_id: str) -> Path:
        return self._folder / run_id

    def _progress_files(self, run_id: str) -> Paths:
        home = self._home(run_id)
        return [*home.glob("progress.jsonl"), *home.glob("*/progress.jsonl")]

    def _latest(self, run_id: str) -> Progress | None:
        files = self._progress_files(run_id)
        found = [progress.last(path, stage=_stage_name(path)) for path in files]
        return max((p for p in found if p), key=lambda p: p.at_us, default=None)


def _with_progress(run: Run, latest: Progress | None) -> Run:
    return run if latest is None else replace(run, progress=latest)


def _stage(path: Path) -> list[Progress]:
    return progress.read(path, stage=_stage_name(path))


def _stage_name(path: Path) -> str:
    """The name of the child step a progress file belongs to; empty for the job's own."""
    return path.parent.name if (path.parent / "host.json").exists() else ""
