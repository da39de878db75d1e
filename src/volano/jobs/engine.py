"""The job engine: DBOS Transact, held to what a Run needs.

DBOS is the journal of steps and the queue, and nothing else: the state of a Run
lives in the table `runs`. One generic workflow runs every kind. Each attempt of
a run is a workflow `<run id>.<attempt>`; a retry forks the last one behind its
last good step.

Why it is set up as it is: the default serialiser is pickle, which runs the code
of whoever can write to the file; the default SQLite journal is three times
slower than WAL; the default version is a hash of the code, which strands
unfinished runs at each upgrade; the default logger writes to the terminal.
"""

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID
from dbos import error as dbos_errors
from dbos._serialization import DefaultSerializer
from sqlalchemy import Engine as SqlEngine
from sqlalchemy import create_engine, event, make_url

from volano.core.errors import VolanoError
from volano.jobs.errors import (
    AlreadyLaunchedError,
    ChildFailedError,
    JobsDatabaseError,
    NotLaunchedError,
    StepFailedError,
    StepsChangedError,
)
from volano.jobs.folder import one_line
from volano.jobs.pulse import Pulse

NAME = "volano"
QUEUE = "runs"
VERSION = "1"
"""Pinned: an upgrade of volano must find its unfinished runs. Raise it only to strand them."""

FINISHED = frozenset({"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})

_ONE_A_PROCESS = threading.Lock()
"""DBOS keeps its state in the process, so a process has room for one engine."""

Body = Callable[[str, int], None]


class Engine:
    """Runs `body(run_id, attempt)` durably, at most `concurrency` at once."""

    def __init__(self, url: str, *, concurrency: int, poll_s: float, schema: str):
        self._url = make_url(url)
        self._concurrency = concurrency
        self._poll_s = poll_s
        self._schema = schema
        self._sql: SqlEngine | None = None
        self._workflow: Callable[[str], None] | None = None
        self._pulse: Pulse | None = None

    @property
    def launched(self) -> bool:
        """Whether the engine runs in this process."""
        return self._workflow is not None

    def launch(self, body: Body) -> None:
        """Start working: recover what was interrupted, take what is queued.

        Raises:
            AlreadyLaunchedError: another engine runs in this process.
            JobsDatabaseError: its database cannot be used.
        """
        if not _ONE_A_PROCESS.acquire(blocking=False):
            raise AlreadyLaunchedError(folder=self._url.database)
        _quiet()
        # A row that claims to be pickled would be unpickled whatever our serialiser is.
        DefaultSerializer.deserialize = _refuse_pickle  # type: ignore[method-assign, assignment]
        self._sql = _open(self._url)
        try:
            workflow = _register(body)
            DBOS(config=self._config(self._sql))
            DBOS.launch()
            queue = DBOS.register_queue(
                QUEUE,
                global_concurrency=self._concurrency,
                polling_interval_sec=self._poll_s,
                on_conflict="always_update",
            )
        except Exception as error:
            self.close()
            raise JobsDatabaseError(why=one_line(str(error))) from error
        self._pulse = Pulse(queue.set_polling_interval_sec, self._poll_s)
        self._pulse.quicken()
        self._workflow = workflow

    def close(self) -> None:
        """Stop working. What has not finished is taken up by the next launch."""
        self._workflow = None
        if self._pulse is not None:
            self._pulse.close()
            self._pulse = None
        if self._sql is not None:
            DBOS.destroy(destroy_registry=True)
            self._sql.dispose()
            self._sql = None
            _ONE_A_PROCESS.release()

    def enqueue(self, run_id: str, attempt: int) -> None:
        """Queue an attempt; queueing it twice queues it once.

        Raises:
            NotLaunchedError: the engine does not run.
        """
        if self._workflow is None or self._pulse is None:
            raise NotLaunchedError
        self._pulse.quicken()
        if attempt > 1 and self._fork(run_id, attempt):
            return
        with SetWorkflowID(_id(run_id, attempt)):
            DBOS.enqueue_workflow(QUEUE, self._workflow, run_id)

    def status(self, run_id: str, attempt: int) -> tuple[bool, int] | None:
        """Return (whether it is over, how often it was begun); None when it is not known."""
        status = DBOS.get_workflow_status(_id(run_id, attempt))
        if status is None:
            return None
        return status.status in FINISHED, status.recovery_attempts or 0

    def step(self, name: str, fn: Callable[[], Any]) -> Any:
        """Within the body: return the step's value, from the journal when it has one.

        Raises:
            StepsChangedError: the journal has a step of another name here.
        """
        try:
            return DBOS.run_step({"name": name}, fn)
        except dbos_errors.DBOSUnexpectedStepError as error:
            raise StepsChangedError(why=one_line(str(error))) from error

    def _fork(self, run_id: str, attempt: int) -> bool:
        """Begin an attempt with the good steps of the one before; False when that is not known."""
        if DBOS.get_workflow_status(_id(run_id, attempt)) is not None:
            return True
        former = _id(run_id, attempt - 1)
        if DBOS.get_workflow_status(former) is None:
            return False
        steps = DBOS.list_workflow_steps(former)
        bad = [step["function_id"] for step in steps if step["error"] is not None]
        first = min(bad, default=max((step["function_id"] for step in steps), default=0) + 1)
        with SetWorkflowID(_id(run_id, attempt)):
            DBOS.fork_workflow(former, first, application_version=VERSION, queue_name=QUEUE)
        return True

    def _config(self, sql: SqlEngine) -> DBOSConfig:
        return {
            "name": NAME,
            "system_database_engine": sql,
            "dbos_system_schema": self._schema,
            "serializer": PlainSerializer(),
            "application_version": VERSION,
            "executor_id": NAME,
            "use_listen_notify": False,
            "enable_otlp": False,
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": 1.0,
        }


class PlainSerializer(Serializer):
    """JSON for everything that DBOS keeps; an error is kept as its two lines."""

    def name(self) -> str:
        return "volano_json"

    def serialize(self, data: Any) -> str:
        return json.dumps(_tagged(data), ensure_ascii=False, allow_nan=False)

    def deserialize(self, serialized_data: str) -> Any:
        value = json.loads(serialized_data)
        if "!error" in value:
            return _error(value["!error"])
        return value["!value"]


def _tagged(data: Any) -> Any:
    if isinstance(data, ChildFailedError | StepFailedError):
        child = isinstance(data, ChildFailedError)
        lines = {"code": data.code, "message": data.message, "hint": data.advice, "child": child}
        return {"!error": lines}
    if isinstance(data, VolanoError):
        return {"!error": {"code": data.code, "message": data.message, "hint": data.advice}}
    if isinstance(data, BaseException):
        text = f"{type(data).__name__}: {data}".encode(errors="replace").decode()
        return {"!error": {"code": "crash", "message": text}}
    return {"!value": data}


def _error(lines: dict[str, Any]) -> StepFailedError:
    kind = ChildFailedError if lines.get("child") else StepFailedError
    return kind(lines["message"], hint=lines.get("hint", ""), code=lines.get("code"))


def _register(body: Body) -> Callable[[str], None]:
    @DBOS.workflow(name="run", max_recovery_attempts=None)
    def run(run_id: str) -> None:
        body(run_id, int((DBOS.workflow_id or "").rpartition(".")[2]))

    return run


def _id(run_id: str, attempt: int) -> str:
    return f"{run_id}.{attempt}"


def _refuse_pickle(_serializer: DefaultSerializer, _text: str) -> Any:
    raise JobsDatabaseError(why="it holds pickled data, which volano never writes")


def _quiet() -> None:
    """Give DBOS's logger a handler before DBOS gives it one that writes to the terminal."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _open(url: Any) -> SqlEngine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    sql = create_engine(url)
    event.listen(sql, "connect", _prepare)
    return sql


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA foreign_keys=ON")
