"""What a process has one of: its tracer, its client, its way of telling volano.

A decorator is written before anybody says how to trace, so that it must find the tracer by
itself, at each call: this is the only thing in volano that a module holds for all.
It is built at first use, from the environment or from what `configure` said:

    VOLANO_URL, VOLANO_KEY      the server and the key
    VOLANO_TRACING=off          nothing is recorded and nothing sent
    VOLANO_SERVICE              the application's name, else OTEL_SERVICE_NAME, else the program's
    VOLANO_RELEASE, VOLANO_ENVIRONMENT
    VOLANO_SAMPLE               the share of traces that is recorded: 0.1
    VOLANO_CAPTURE=off          arguments and results of decorated functions are not taken
"""

import atexit
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from volano.client.tracing.complaint import Complaint
from volano.client.tracing.outbox import Outbox, Post, Room
from volano.client.tracing.tracer import Tracer, Tracing

if TYPE_CHECKING:
    from volano.client.client import Client

URL = "http://127.0.0.1:7070"
EXIT_S = 2.0


@dataclass(frozen=True)
class Setup:
    """How this process speaks with volano. `exit_s` is what it may wait at its end."""

    url: str = URL
    key: str | None = None
    tracing: Tracing = field(default_factory=Tracing)
    room: Room = field(default_factory=Room)
    timeout_s: float = 10.0
    exit_s: float = EXIT_S
    prompts_file: str | None = None


class Process:
    """Builds each part once, when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._setup: Setup | None = None
        self._client: Client | None = None
        self._notes: Outbox | None = None
        self._spans: Outbox | None = None
        self._complaint = Complaint()
        self._at_exit = False
        self.tracer: Tracer | None = None
        os.register_at_fork(after_in_child=self._forked)

    @property
    def setup(self) -> Setup:
        """How this process speaks with volano; read from the environment at first."""
        if self._setup is None:
            self._setup = from_environment(os.environ)
        return self._setup

    def configure(self, setup: Setup) -> None:
        """Go on in this way. What was left to send so far is sent in the former way."""
        with self._lock:
            former = [box for box in (self._spans, self._notes) if box is not None]
            self._setup, self.tracer = setup, None
            self._client = self._spans = self._notes = None
        for box in former:
            box.close(0)

    def start(self) -> Tracer:
        """Build the tracer, if nobody did."""
        with self._lock:
            if self.tracer is None:
                self.tracer = self._tracer(self.setup)
            return self.tracer

    def client(self) -> "Client":
        """Return this process's client.

        Raises:
            BadAddressError, BadKeyError: address or key cannot be used.
        """
        with self._lock:
            if self._client is None:
                setup = self.setup
                make = import_module("volano.client.client").Client
                self._client = make(
                    setup.url,
                    key=setup.key,
                    timeout_s=setup.timeout_s,
                    prompts_file=setup.prompts_file,
                )
            return self._client

    def note(self, said: dict[str, Any], size: int) -> None:
        """Leave feedback to be sent."""
        with self._lock:
            if not self.setup.tracing.on:
                return
            if self._notes is None:
                room = replace(self.setup.room, batch_items=1, interval_s=0.0)
                self._notes = self._outbox("feedbacks", room, self._poster("notes"))
            self._notes.put(said, size)

    def complain(self, text: str) -> None:
        """Warn, once a minute at most."""
        self._complaint.say(text)

    def flush(self, timeout_s: float) -> bool:
        """Send now what waits; return whether all of it arrived."""
        boxes = [box for box in (self._spans, self._notes) if box is not None]
        until = time.monotonic() + timeout_s
        arrived = [box.flush(until - time.monotonic()) for box in boxes]
        return all(arrived)

    def close(self) -> None:
        """The program ends: try once, for a bounded time."""
        boxes = [box for box in (self._spans, self._notes) if box is not None]
        until = time.monotonic() + self.setup.exit_s
        for box in boxes:
            box.close(0)
        for box in boxes:
            box.close(until - time.monotonic())

    def _tracer(self, setup: Setup) -> Tracer:
        how = setup.tracing
        if how.on and setup.key is None:
            self.complain("nothing is traced: VOLANO_KEY is not set (VOLANO_TRACING=off says so)")
            how = replace(how, on=False)
        if how.on:
            self._spans = self._outbox("spans", setup.room, self._poster("spans"))
        return Tracer(how, self._spans)

    def _outbox(self, name: str, room: Room, post: Callable[[], Post]) -> Outbox:
        if not self._at_exit:
            self._at_exit = True
            atexit.register(self.close)
        return Outbox(post, name=name, room=room, complaint=self._complaint)

    def _poster(self, kind: str) -> Callable[[], Post]:
        """What sends is imported by the thread that sends: the host does not wait for it."""
        setup = self.setup
        return lambda: import_module("volano.client.posting").post(kind, setup)

    def _forked(self) -> None:
        self._lock = threading.RLock()
        if self._client is not None:
            self._client.forget()
        if self.tracer is not None:
            self.tracer.reseed()


def from_environment(environment: Mapping[str, str]) -> Setup:
    """Read how to speak with volano; what cannot be read counts as not said."""
    said = {name: environment.get(f"VOLANO_{name}", "").strip() for name in _NAMES}
    tracing = Tracing(
        on=said["TRACING"].lower() not in _OFF,
        service=said["SERVICE"] or environment.get("OTEL_SERVICE_NAME", "").strip(),
        release=said["RELEASE"],
        environment=said["ENVIRONMENT"],
        sample=_share(said["SAMPLE"]),
        capture=said["CAPTURE"].lower() not in _OFF,
    )
    return Setup(said["URL"] or URL, said["KEY"] or None, tracing)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 1.0
    return value if 0 <= value <= 1 else 1.0


_OFF = frozenset({"off", "0", "false", "no"})
_NAMES = (
    "URL", "KEY", "TRACING", "SERVICE", "RELEASE", "ENVIRONMENT", "SAMPLE", "CAPTURE",
)  # fmt: skip

PROCESS = Process()
