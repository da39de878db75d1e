"""Ray: the nodes of a cluster do the work, on a folder that all of them see.

Nothing but names, counts and small values goes over the network: the rows lie
in the cache folder, what is trained in its Run's folder, on a disk that is
mounted under the same path everywhere.
Before the first task every node is looked at: whether it sees the folder, may
write there, keeps its locks, and has the same volano. A task of a node that
dies is done again by another one, which may happen because a task looks into
the cache first and puts complete files there.

Ray is one for each process, so there is one such executor at a time.
"""

import fcntl
import gc
import hashlib
import os
import pickle
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from volano.core.errors import InvalidError, UnavailableError
from volano.core.plugins import load_plugins
from volano.data.errors import MissingExtraError
from volano.data.extra import needed
from volano.data.recipe.executor import AHEAD, Resources, WorkerLostError

Item = TypeVar("Item")
Made = TypeVar("Made")

CLIENT = "ray://"
CURRENT = Path("/tmp/ray/ray_current_cluster")  # noqa: S108 - where `ray start` writes it
LOOPBACK = "127.0.0.2"
"""Where a Ray of our own listens: it takes 127.0.0.1 for the address that others reach."""
STORE_BYTES = 100 * 2**20
"""Memory for objects of a Ray of our own; they are names and counts."""
RETRIES = 5
"""So often a task whose node or process died is done again."""
KNOCK_S = 3.0
JOIN_S = 30.0
LOOK_S = 120.0
WAIT_S = 5.0
LOST_S = 60.0
"""So long a cluster may have no node that could do a task before we give up."""
TOLD = 8
"""So many kinds of nodes are told where none will do."""
WORK = "Work on a Ray cluster (`--on ray`, or `on: ray` in a recipe of training)"
LOST = (
    "Do the nodes have enough memory? A recipe of data may take fewer `--workers`, and what is done "
    "stays done; training goes on from its checkpoint when the run is retried."
)
ROOMS = ("data", "models")
_END: Any = object()


class BadRayAddressError(InvalidError):
    """`{address}` is no address of a Ray cluster."""

    hint = (
        "Say auto, local or HOST:PORT. This machine must be a node of the cluster (`ray start "
        "--address=…`, with --num-cpus=0 if it shall not work): Ray's client, ray://, is not taken."
    )


class ClusterAwayError(UnavailableError):
    """The Ray cluster `{address}` does not answer: {why}."""

    hint = (
        "Start one with `ray start --head`, or say where it is (`--ray-address`, `ray_address` in a "
        "recipe of training, or the setting of this name); `local` starts a Ray of its own here."
    )


class NodeUnfitError(UnavailableError):
    """The Ray node {node} cannot do this work: {why}."""

    hint = (
        "Each node needs this volano, the packages of what it does (those of your steps; "
        "`volano[train]` for training), and the workspace's folder .volano (for data its cache "
        "folder is enough) under the same path, to read and write, with locks (NFS 4, say)."
    )


class NodesTooSmallError(UnavailableError):
    """The work wants {asked} on one node of the Ray cluster `{address}`, and none has that: {there}."""

    hint = (
        "Ask for less (`hardware` and `processes` of a recipe of training), or start a node that has "
        "it: `ray start --address=… --num-cpus=N --num-gpus=N`."
    )


class RayExecutor:
    """Works on the nodes of a Ray cluster."""

    def __init__(
        self,
        *,
        workers: int,
        address: str,
        folder: Path,
        resources: Resources = Resources(),  # noqa: B008 - frozen
    ):
        """Join the cluster, and look at its nodes.

        Args:
            workers: tasks at the same time; 0 means as many as the cluster has CPUs.
            address: `auto`, `local` or HOST:PORT.
            folder: what every node must see under this path.
            resources: what each task takes.

        Raises:
            MissingExtraError: Ray is not installed.
            BadRayAddressError: the address is none.
            ClusterAwayError: there is no cluster.
            NodeUnfitError: a node does not see the folder, or has another volano.
            NodesTooSmallError: no node has what a task takes.
        """
        self.check(address)
        self._address = resolved(address)
        self._mark = _Mark(folder)
        self._ray = _ray()
        try:
            _join(self._ray, self._address, workers, each=resources.cpus)
            self._mark.set()
            cpus = self._look()
            self._takes = self._reserved(resources)
        except BaseException:
            self.close()
            raise
        self._workers = workers or max(1, cpus // resources.cpus)
        self._work = self._ray.remote(
            num_cpus=self._takes["CPU"], num_gpus=self._takes["GPU"], max_retries=RETRIES
        )(work)

    @staticmethod
    def check(address: str) -> None:
        """See in a moment whether there is anything to join; load nothing.

        Raises:
            MissingExtraError, BadRayAddressError, ClusterAwayError: as above.
        """
        if find_spec("ray") is None:
            raise MissingExtraError(what=WORK, package="ray", extra="scale")
        place = _place(resolved(address))
        if place is None:
            return
        try:
            socket.create_connection(place, timeout=KNOCK_S).close()
        except OSError as error:
            why = error.strerror or str(error)
            raise ClusterAwayError(address=address, why=why) from error

    def map(self, fn: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
        """Yield results in order; so many items at a time are handed out as there are workers.

        Where one fails, those under way go on until `close`: each is a shard, and Ray 2.60 aborts
        the process that cancels a task by force in the moment in which it ends.

        Raises:
            WorkerLostError: a task's process or node died again and again.
            NodeUnfitError: a node that came later does not see the folder.
            ClusterAwayError: no node is left.
            NodesTooSmallError: those that are left do not have what a task takes.
            The errors of `fn`.
        """
        rest, ended = iter(items), False
        waiting: deque[Any] = deque()
        running: set[Any] = set()
        try:
            while True:
                while not ended and self._has_room(running, waiting):
                    item = next(rest, _END)
                    ended = item is _END
                    if not ended:
                        waiting.append(self._begin(fn, item))
                        running.add(waiting[-1])
                if not waiting:
                    return
                if waiting[0] in running:
                    running -= self._finished(running)
                else:
                    yield self._result(waiting.popleft())
        finally:  # an error keeps this frame, and no task is to be let go while Ray shuts down
            waiting.clear()
            running.clear()

    def close(self) -> None:
        """Leave the cluster: what still runs for us ends, and a Ray of our own too.

        Ray 2.60 aborts the process in which another thread lets go of a task in this moment, as the
        collector of garbage may have it do. So all that can be let go is, before.
        """
        self._mark.unset()
        was = signal.getsignal(signal.SIGTERM)
        gc.collect()
        self._ray.shutdown()
        _answer(was)

    def _has_room(self, running: set[Any], waiting: deque[Any]) -> bool:
        return len(running) < self._workers and len(waiting) < self._workers * AHEAD

    def _begin(self, fn: Callable[[Item], Made], item: Item) -> Any:
        return self._work.remote(pickle.dumps((fn, item)), str(self._mark.path))

    def _finished(self, running: set[Any]) -> set[Any]:
        """Wait until at least one of them is done.

        Raises:
            ClusterAwayError, NodesTooSmallError: there is no node any more that could do them.
        """
        lost_s = 0.0
        while True:
            done, _ = self._ray.wait(list(running), num_returns=1, timeout=WAIT_S)
            if done:
                return set(done)
            nodes = self._nodes()
            lost_s = 0.0 if _fits(nodes, self._takes) else lost_s + WAIT_S
            if lost_s >= LOST_S:
                self._refuse(nodes, self._takes)

    def _result(self, task: Any) -> Any:
        try:
            good, made = pickle.loads(self._ray.get(task))  # noqa: S301 - from our own task
        except self._ray.exceptions.RayTaskError as error:
            raise NodeUnfitError(node="", why=_last_line(error)) from error
        except self._ray.exceptions.RayError as error:
            raise WorkerLostError(hint=LOST) from error
        finally:  # as in `map`
            del task
        if not good:
            raise made
        return made

    def _nodes(self) -> dict[str, dict[str, Any]]:
        """Return the nodes that can work, by id."""
        return {
            node["NodeID"]: node
            for node in self._ray.nodes()
            if node["Alive"] and node["Resources"].get("CPU", 0) >= 1
        }

    def _reserved(self, asked: Resources) -> dict[str, int]:
        """Return what each task takes. Raises NodesTooSmallError where no node could ever do it."""
        nodes = self._nodes()
        takes = {"CPU": asked.cpus, "GPU": asked.gpus or 0}
        if asked.gpus is None and _fits(nodes, {**takes, "GPU": 1}):
            takes["GPU"] = 1
        if not _fits(nodes, takes):
            self._refuse(nodes, takes)
        return takes

    def _refuse(self, nodes: dict[str, dict[str, Any]], asked: dict[str, int]) -> NoReturn:
        """Raise what says that no node will do."""
        if not nodes:
            raise ClusterAwayError(address=self._address, why="it has no node with a CPU")
        there = sorted(
            {
                f"{one['NodeManagerHostname']} has {_said(one['Resources'])}"
                for one in nodes.values()
            }
        )
        raise NodesTooSmallError(
            address=self._address, asked=_said(asked), there="; ".join(there[:TOLD])
        )

    def _look(self) -> int:
        """Look at every node; return how many CPUs they have.

        Raises:
            ClusterAwayError, NodeUnfitError: as above.
        """
        nodes = self._nodes()
        if not nodes:
            raise ClusterAwayError(address=self._address, why="it has no node with a CPU")
        at = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        probe = self._ray.remote(num_cpus=0, max_retries=0)(look)
        asked = {
            probe.options(scheduling_strategy=at(node, soft=False)).remote(
                str(self._mark.path), node[:8], code()
            ): node
            for node in nodes
        }
        late = self._ray.wait(list(asked), num_returns=len(asked), timeout=LOOK_S)[1]
        for task, node in asked.items():
            name = f"{nodes[node]['NodeManagerHostname']} ({node[:8]})"
            why = f"it does not answer in {LOOK_S:g} s" if task in late else self._seen(task, node)
            if why:
                raise NodeUnfitError(node=name, why=why)
        return int(sum(node["Resources"]["CPU"] for node in nodes.values()))

    def _seen(self, task: Any, node: str) -> str:
        """Return what a node lacks; a node that died meanwhile lacks nothing."""
        try:
            why = str(self._ray.get(task))
        except self._ray.exceptions.RayTaskError as error:
            return _last_line(error)
        except self._ray.exceptions.RayError:
            return ""
        return why or self._mark.answered(node[:8])


class _Mark:
    """A locked file in the folder, by which a node knows that it sees the same one."""

    def __init__(self, folder: Path):
        self.path = folder.absolute() / f".ray-{uuid4().hex}"
        self._fd = -1

    def set(self) -> None:
        """Write and lock it; sweep those of drivers that were killed."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for other in sorted(self.path.parent.glob(".ray-*")):
            _sweep(other)
        while self._fd < 0:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_nlink:
                self._fd = fd
            else:
                os.close(fd)  # a sweeper was quicker than our lock

    def unset(self) -> None:
        """Take it away."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink(missing_ok=True)

    def answered(self, node: str) -> str:
        """Return why a node's own file cannot be read here; empty when it can."""
        try:
            _answer_path(self.path, node).read_bytes()
        except OSError as error:
            return f"what it writes into {self.path.parent} cannot be read here: {error.strerror}"
        return ""


def _fits(nodes: Mapping[str, Mapping[str, Any]], asked: Mapping[str, int]) -> bool:
    """Whether there is a node that has all of it, be it busy now."""
    return any(
        all(node["Resources"].get(name, 0) >= count for name, count in asked.items())
        for node in nodes.values()
    )


def _said(resources: Mapping[str, float]) -> str:
    """Return how many CPUs and GPUs these are, in words."""
    counts = {name: int(resources.get(name, 0)) for name in ("CPU", "GPU")}
    return " and ".join(f"{n} {name}{'s' * (n != 1)}" for name, n in counts.items() if n)


def _sweep(path: Path) -> None:
    """Delete a mark that nobody holds, or an answer to one that is gone."""
    name, _, node = path.name.removeprefix(".ray-").partition("-")
    with suppress(OSError):
        if node and not path.with_name(f".ray-{name}").exists():
            path.unlink()
        elif not node:
            with path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def look(mark: str, node: str, ours: str) -> str:
    """On a node: return what it lacks; empty when it can work. It leaves a file as its answer."""
    path = Path(mark)
    if not path.is_file():
        return f"it does not see the folder {path.parent}"
    if code() != ours:
        return "its volano has other code than this one"
    try:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return f"locks in {path.parent} do not hold from one node to another"
    except BlockingIOError:
        pass
    except OSError as error:
        return f"it cannot write into {path.parent}: {error.strerror}"
    try:
        _answer_path(path, node).write_bytes(b"")
    except OSError as error:
        return f"it cannot write into {path.parent}: {error.strerror}"
    return ""


def work(call: bytes, mark: str) -> bytes:
    """On a node: do one task; return whether it went well, and what it gave or raised."""
    path = Path(mark)
    if not path.exists():
        why = f"it does not see the folder {path.parent}, or the driver has left"
        return pickle.dumps((False, NodeUnfitError(node=socket.gethostname(), why=why)))
    _load_plugins()
    try:
        fn, item = pickle.loads(call)  # noqa: S301 - from our own driver
        return pickle.dumps((True, fn(item)))
    except Exception as error:  # noqa: BLE001 - the driver raises it
        return _told(error)


@cache
def code() -> str:
    """Return the digest of the code that decides what rows and what weights come out."""
    folder = Path(__file__).parents[2]
    told = hashlib.sha256()
    for path in sorted(path for room in ROOMS for path in (folder / room).rglob("*.py")):
        told.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return told.hexdigest()


@cache
def _load_plugins() -> None:
    load_plugins()


def _told(error: Exception) -> bytes:
    """Return an error as a driver reads it, also one that does not survive the way."""
    try:
        told = pickle.dumps((False, error))
        pickle.loads(told)  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - whatever an error's own methods raise
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}"[:2000])))
    return told


def resolved(address: str) -> str:
    """Return the address that `auto` means: RAY_ADDRESS, else the cluster of this machine."""
    if address != "auto":
        return address
    named = os.environ.get("RAY_ADDRESS", "")
    if named not in {"", "auto"}:
        return named
    try:
        return CURRENT.read_text(encoding="utf-8").strip() or address
    except (OSError, UnicodeDecodeError):
        return address


def _place(address: str) -> tuple[str, int] | None:
    """Return host and port of a cluster; None for a Ray of our own.

    Raises:
        BadRayAddressError: it is no address.
        ClusterAwayError: `auto` means nothing here.
    """
    if address == "local":
        return None
    if address == "auto":
        raise ClusterAwayError(
            address=address, why="RAY_ADDRESS is not set, and none runs on this machine"
        )
    try:
        parts = urlsplit(f"//{address}")
        port = parts.port
    except ValueError as error:
        raise BadRayAddressError(address=address[:200]) from error
    if (
        not parts.hostname
        or not port
        or address.startswith(CLIENT)
        or parts.path
        or parts.username is not None
    ):
        raise BadRayAddressError(address=address[:200])
    return parts.hostname, port


def _ray() -> Any:
    """Return Ray, told to send nothing home and to upload no folder (as it does under `uv run`)."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
    ray = needed("ray", by=WORK, extra="scale")
    needed("ray.util.scheduling_strategies", by=WORK, extra="scale")
    return ray


def _join(ray: Any, address: str, workers: int, *, each: int) -> None:
    """Join the cluster, or start a Ray of our own for tasks of so many CPUs, which dies with this process."""
    options: dict[str, Any] = {
        "address": address, "log_to_driver": False, "configure_logging": False,
        "logging_level": "error", **_environment(),
    }  # fmt: skip
    was = signal.getsignal(signal.SIGTERM)
    try:
        if address == "local":
            count = workers * each or max(each, (os.cpu_count() or 2) - 1)
            ray.init(
                num_cpus=count, object_store_memory=STORE_BYTES, include_dashboard=False,
                _node_ip_address=LOOPBACK, **options,
            )  # fmt: skip
        else:
            _within(JOIN_S, partial(ray.init, **options), address)
    finally:
        _answer(was)  # Ray puts its own in the place of ours, with another exit status


def _environment() -> dict[str, Any]:
    """Return what makes nodes import what we import: PYTHONPATH, where there is one."""
    path = [str(Path(one).absolute()) for one in _split(os.environ.get("PYTHONPATH", ""))]
    if not path:
        return {}
    return {"runtime_env": {"env_vars": {"PYTHONPATH": os.pathsep.join(path)}}}


def _split(path: str) -> list[str]:
    return [one for one in path.split(os.pathsep) if one]


def _within(limit_s: float, join: Callable[[], Any], address: str) -> None:
    """Join in a thread, and not wait for ever: what listens there may be no Ray.

    Raises:
        ClusterAwayError: it took too long, or Ray says why it cannot be.
    """
    said: list[BaseException] = []

    def go() -> None:
        try:
            join()
        except BaseException as error:  # noqa: BLE001 - told by the other thread
            said.append(error)

    thread = threading.Thread(target=go, name="join-ray", daemon=True)
    thread.start()
    until = time.monotonic() + limit_s
    while thread.is_alive() and time.monotonic() < until:
        thread.join(0.2)
    if thread.is_alive():
        why = f"no Ray answers there within {limit_s:g} s"
        if address.startswith(("127.0.0.1:", "localhost:", "[::1]:")):
            why += "; Ray reads this as the machine's own address, so name what the head listens on"
        raise ClusterAwayError(address=address, why=why)
    if said:
        raise ClusterAwayError(address=address, why=_last_line(said[0])) from said[0]


def _answer(handler: Any) -> None:
    if threading.current_thread() is threading.main_thread() and handler is not None:
        signal.signal(signal.SIGTERM, handler)


def _answer_path(mark: Path, node: str) -> Path:
    return mark.with_name(f"{mark.name}-{node}")


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]
