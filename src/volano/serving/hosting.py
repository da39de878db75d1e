"""Hosting: which wanted engines run, by what they were measured to need and when they were asked last.

The plan itself is pure (`serving.host`); here are its facts. Engines run as
children of the supervisor, which writes their pids into `run/state.json`; what
one took at most is kept in `run/needs.json`, so that it is known before it is
loaded again. A model that waits is asked like any other: a call finds no engine,
is counted, and so its turn comes. One that is put out is sent no more calls, and
answers those it has before it ends; what is to be loaded waits for its memory.
"""

import json
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from volano.serving.host import Need, Plan, begin, plan
from volano.serving.memory import resident_bytes
from volano.serving.spec import EngineSpec

log = logging.getLogger(__name__)

SERVES_S = 60.0
"""An engine that was asked within this time is not put out for another."""
BASE_BYTES = 128 << 20
"""What a process takes beside its weights, before it was measured."""
STEP_BYTES = 4 << 20
"""Needs are kept in steps of this size: what moves less is not written down."""


class Hosting:
    """Which of the wanted engines run on this host. `limit_bytes` is for all together, 0 for none."""

    def __init__(
        self,
        run: Path,
        limit_bytes: int,
        *,
        measure: Callable[[int], int | None] = resident_bytes,
        monotonic: Callable[[], float] = time.monotonic,
        done: Callable[[EngineSpec, float], bool] | None = None,
    ):
        """`done` says whether an engine that was put out so many seconds ago may end; None: at once."""
        self._run = run
        self._limit = limit_bytes
        self._measure = measure
        self._monotonic = monotonic
        self._done = done
        self._left_s: dict[str, float] = {}
        self._calls: dict[str, int] = {}
        self._used_s: dict[str, float] = {}
        self._needs = self._read()
        self._running = set(pids_of(run))
        self.plan = Plan()
        self.aside: tuple[EngineSpec, ...] = ()
        """Those that are wanted and take no calls, for want of memory."""

    def fit(
        self, specs: Sequence[EngineSpec], calls: Mapping[str, int], spare: Collection[str] = ()
    ) -> list[EngineSpec]:
        """Return the engines that are to run now, also those that only answer what they have.

        Args:
            specs: all that are wanted.
            calls: how often each was asked so far, by the spec's name.
            spare: names of those that only help others of the same model.
        """
        now, pids = self._monotonic(), pids_of(self._run)
        for spec in specs:
            self._look(spec, calls.get(spec.name, 0), pids.get(spec.name), now)
        self._keep()
        needs = [self._need(spec, now, spec.name in spare) for spec in specs]
        made = plan(needs, limit_bytes=self._limit)
        self._tell(made)
        self.plan = made
        back = self._left_s.keys() & {*made.run}
        self._leave(specs, made, now)
        begun = begin(needs, made, leaving={*self._left_s, *back}, limit_bytes=self._limit)
        self._running = {*made.keep, *begun}
        self.aside = tuple(spec for spec in specs if spec.name not in self._running)
        return [spec for spec in specs if spec.name in self._running | self._left_s.keys()]

    def draining(self) -> bool:
        """Whether engines that were put out still answer calls."""
        return bool(self._left_s)

    def waits(self, name: str) -> bool:
        """Whether an engine is wanted and takes no calls, for want of memory.

        It does not run, or only answers what it has.
        """
        return any(spec.name == name for spec in self.aside)

    def _leave(self, specs: Sequence[EngineSpec], made: Plan, now: float) -> None:
        """Note which of those that are put out still answer what they have."""
        left_s = dict.fromkeys(made.unload, now) | self._left_s
        self._left_s = {
            spec.name: left_s[spec.name]
            for spec in specs
            if spec.name in left_s
            and spec.name not in made.run
            and self._done is not None
            and not self._done(spec, now - left_s[spec.name])
        }

    def _look(self, spec: EngineSpec, calls: int, pid: int | None, now: float) -> None:
        if self._calls.get(spec.name) != calls:  # asked since, or seen for the first time
            self._calls[spec.name], self._used_s[spec.name] = calls, now
        took = self._measure(pid) if pid else None
        if took is not None:
            steps = -(-took // STEP_BYTES) * STEP_BYTES
            self._needs[key(spec)] = max(steps, self._needs.get(key(spec), 0))

    def _need(self, spec: EngineSpec, now: float, spare: bool) -> Need:
        used_s = self._used_s[spec.name]
        return Need(
            spec.name,
            self._needs.get(key(spec)) or guess(spec),
            used_s=used_s,
            running=spec.name in self._running,
            serving=self._calls[spec.name] > 0 and now - used_s < SERVES_S,
            spare=spare,
        )

    def _tell(self, made: Plan) -> None:
        """Say what changes against the plan before."""
        for name in made.unload:
            log.warning("engine-%s is unloaded: others were asked later (engines_max_mib)", name)
        for name in sorted(set(made.too_large) - set(self.plan.too_large)):
            log.error(
                "engine-%s needs more memory than all engines may take: %d MiB (engines_max_mib)",
                name, self._limit >> 20,
            )  # fmt: skip

    def _read(self) -> dict[str, int]:
        with suppress(OSError, ValueError, TypeError, AttributeError):
            found = json.loads((self._run / "needs.json").read_bytes())
            return {str(name): int(value) for name, value in found.items()}
        return {}

    def _keep(self) -> None:
        if self._needs == self._read():
            return
        path = self._run / "needs.json"
        partial = path.with_suffix(".partial")
        with suppress(OSError):  # a full disk: measured again next time
            partial.write_text(json.dumps(self._needs, sort_keys=True), encoding="utf-8")
            partial.replace(path)


def key(spec: EngineSpec) -> str:
    """Return what an engine's need depends on: its model and how it is run."""
    return f"{spec.name}/{spec.kind}/{spec.n_parallel}/{spec.n_ctx}/{spec.threads}"


def guess(spec: EngineSpec) -> int:
    """Return the bytes that an engine may need which never ran: its files, and a process."""
    path = Path(spec.model_path)
    files = path.rglob("*") if path.is_dir() else [path]
    size = 0
    for file in files:
        with suppress(OSError):
            size += file.stat().st_size
    return BASE_BYTES + size


def pids_of(run: Path) -> dict[str, int]:
    """Return the pids of the engines that run, by the name of their spec."""
    try:
        children = json.loads((run / "state.json").read_bytes())["children"]
        return {
            name.removeprefix("engine-"): int(child["pid"])
            for name, child in children.items()
            if name.startswith("engine-") and child["pid"]
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}
