"""The verbs on the gateway's workers: how they are, and their renewal without a gap."""

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from volano.core.clock import Clock
from volano.core.principal import Principal
from volano.gateway import metrics
from volano.gateway.errors import NotUpError, UnknownWorkerError
from volano.gateway.shared import Shared
from volano.gateway.vitals import Vitals
from volano.serving.renewal import Renewals
from volano.store.ledger import Ledger
from volano.wire.prometheus import Page

Rows = list[dict[str, Any]]

RENEWED_WITHIN_S = 60.0
"""So long a verb waits for the successors; they come all the same when it takes longer."""
_LOOK_S = 0.02
_PREFIX = "worker-"


class Gateway:
    """The workers of one folder, seen from control."""

    def __init__(self, *, run: Path, ledger: Ledger, clock: Clock):
        self._run = run
        self._ledger = ledger
        self._clock = clock
        self._renewals = Renewals(run / "renew.json")
        self._open: tuple[Vitals, Shared] | None = None

    def status(self) -> Rows:
        """Return the living workers: what they serve by, what they do now and have done."""
        vitals, shared = self._memory()
        applied, newest = shared.workers(), shared.generation
        now = self._clock.now_us()
        return [
            {
                "worker": one.name,
                "pid": one.pid,
                "up_s": max(0, now - one.began_us) // 1_000_000,
                "generation": applied.get(one.pid, 0),
                "newest": newest,
                "in_flight": one.in_flight,
                "streams": one.streams,
                "calls_per_s": one.rate,
                "calls": one.calls,
                "errors": one.failures,
            }
            for one in vitals.workers()
        ]

    def health(self) -> Rows:
        """Return how the workers see each target: the worst state, calls under way, latency, keys that rest."""
        vitals, _ = self._memory()
        worst = {"closed": 0, "half-open": 1, "open": 2, "resting": 3}
        return [
            {
                "target": target,
                "model": model,
                "state": max((one.state for one in seen), key=worst.__getitem__),
                "workers": len(seen),
                "in_flight": sum(one.in_flight for one in seen),
                "latency_us": max(one.latency_us for one in seen),
                "keys_resting": max(one.keys_resting for one in seen),
            }
            for (target, model), seen in metrics.by_target(vitals.workers()).items()
        ]

    def drain(self, worker: str, *, by: Principal) -> dict[str, Any]:
        """End a worker after its calls; its successor serves before that.

        Raises:
            UnknownWorkerError: there is no worker of this name.
            NotUpError: volano is not up here.
        """
        before = self._pids()
        if worker not in before:
            raise UnknownWorkerError(worker=worker[:100], known=", ".join(sorted(before)))
        return self._renew([worker], "drain", by)

    def reload(self, *, by: Principal) -> dict[str, Any]:
        """Renew all workers, one after the other, without dropping a call.

        Raises:
            NotUpError: volano is not up here.
        """
        return self._renew(sorted(self._pids()), "reload", by)

    def tell(self, page: Page) -> None:
        """Add what is known of calls, workers and targets to a page of metrics."""
        vitals, shared = self._memory()
        metrics.add_calls(page, vitals)
        metrics.add_workers(page, vitals.workers(), shared.workers(), shared.generation)
        restarts = [
            ({"process": name}, child.get("restarts", 0))
            for name, child in self._children().items()
        ]
        page.counter(
            "volano_process_restarts_total",
            "How often a process had to be started again.",
            restarts,
        )

    def close(self) -> None:
        """Let the shared memory go."""
        if self._open is not None:
            for one in self._open:
                one.close()
            self._open = None

    def _renew(self, names: Sequence[str], verb: str, by: Principal) -> dict[str, Any]:
        before = self._pids()
        self._ledger.append(verb, "gateway", (), {"workers": list(names)}, by=by)
        self._renewals.ask(names)
        until = time.monotonic() + RENEWED_WITHIN_S
        while (waiting := self._unchanged(names, before)) and time.monotonic() < until:
            time.sleep(_LOOK_S)
        after = self._pids()
        fresh = [f"{name} is process {after[name]}" for name in names if name not in waiting]
        says = "; ".join(fresh) or "no worker is renewed yet"
        if waiting:
            says += f"; still to come: {', '.join(waiting)}"
        return {"workers": {name: after.get(name) for name in names}, "says": says}

    def _unchanged(self, names: Sequence[str], before: dict[str, int | None]) -> list[str]:
        """Return those whose successor does not serve yet."""
        after = self._pids()
        applied = self._memory()[1].workers()
        return [n for n in names if after.get(n) == before[n] or not applied.get(after.get(n) or 0)]

    def _pids(self) -> dict[str, int | None]:
        children = self._children()
        found = {n: child.get("pid") for n, child in children.items() if n.startswith(_PREFIX)}
        if not found:
            raise NotUpError
        return found

    def _children(self) -> dict[str, dict[str, Any]]:
        """Return the supervisor's processes; none when it is not there."""
        try:
            state = json.loads((self._run / "state.json").read_bytes())
            os.kill(int(state["pid"]), 0)
            children: dict[str, dict[str, Any]] = state["children"]
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return children

    def _memory(self) -> tuple[Vitals, Shared]:
        """Map the files when they are first asked for: `volano up` makes one of them anew."""
        if self._open is None:
            self._open = Vitals(self._run / "vitals.bin"), Shared(self._run / "shared.bin")
        return self._open
