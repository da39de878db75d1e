"""Engines: what runs here and what is attached, and how each is doing."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from volano.core.errors import VolanoError
from volano.core.ports.engine import Engine, Vitals
from volano.serving.hosting import pids_of
from volano.serving.memory import resident_bytes
from volano.serving.spec import EngineSpec
from volano.serving.wanted import Wanted
from volano.serving.watched import Ollama, watch

log = logging.getLogger(__name__)

AT_ONCE = 8
LEAST_S = 0.5
"""Two looks must be this far apart, or a rate between them says nothing."""

EngineRows = list[dict[str, Any]]
Names = list[str]


@dataclass(frozen=True, slots=True)
class Attached:
    """A server that somebody else runs, of a kind whose figures are known."""

    name: str
    kind: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Engines:
    """Every engine of one workspace. `run` is the folder of what runs now."""

    def __init__(
        self,
        run: Path,
        attached: Callable[[], Iterable[Attached]] = tuple,
        *,
        aside: Callable[[], Iterable[EngineSpec]] = tuple,
        measure: Callable[[int], int | None] = resident_bytes,
        monotonic: Callable[[], float] = time.monotonic,
    ):
        self._run = run
        self._attached = attached
        self._aside = aside
        self._measure = measure
        self._monotonic = monotonic
        self._last: dict[str, tuple[float, float]] = {}

    def list(self) -> EngineRows:
        """Return all engines: kind, model, state, memory, queue, tokens a second.

        `tokens_per_s` is counted since it was looked at before, else over the
        engine's life where it tells that. What an engine does not say is None.
        """
        asks = [*self._own(), *self._foreign()]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda ask: ask(), asks))

    def _own(self) -> Iterator[Callable[[], dict[str, Any]]]:
        pids = pids_of(self._run)
        running = Wanted(self._run / "engines.json").changed() or []
        aside = {spec.name: spec for spec in self._aside()}
        for name in sorted(aside.keys() - {spec.name for spec in running}):
            yield partial(self._waiting, aside[name])
        for spec in running:
            yield partial(self._row_of, spec, pids.get(spec.name), leaves=spec.name in aside)

    def _foreign(self) -> Iterator[Callable[[], dict[str, Any]]]:
        for place in self._attached():
            yield partial(self._row_at, place)

    def _waiting(self, spec: EngineSpec) -> dict[str, Any]:
        """Return the row of an engine that is loaded when somebody asks for it."""
        nothing = dict.fromkeys(("memory_bytes", "busy", "queued", "tokens_per_s", "kv_use"))
        return {
            "name": f"engine-{spec.name}", "kind": spec.kind, "model": spec.alias,
            "state": "not loaded", "slots": spec.n_parallel, **nothing,
        }  # fmt: skip

    def _row_of(self, spec: EngineSpec, pid: int | None, *, leaves: bool) -> dict[str, Any]:
        """Return the row of an engine that runs; one that `leaves` only answers what it has."""
        engine = watch(spec.kind, spec.address)
        memory = self._measure(pid) if pid else None
        row = self._row(
            f"engine-{spec.name}", spec.kind, engine, models=[spec.alias], memory=memory,
            slots=spec.n_parallel, away="starting" if pid else "down",
        )  # fmt: skip
        return row | {"state": "leaving"} if leaves and row["state"] == "ready" else row

    def _row_at(self, place: Attached) -> dict[str, Any]:
        engine = watch(place.kind, place.url, headers=place.headers)
        models: Names = []
        memory = None
        try:
            models = engine.models()
            memory = engine.memory() if isinstance(engine, Ollama) else None
        except VolanoError as error:
            log.info("%s does not tell its models: %s", place.name, error)
        return self._row(place.name, place.kind, engine, models=models, memory=memory)

    def _row(
        self,
        name: str,
        kind: str,
        engine: Engine,
        *,
        models: Names,
        memory: int | None,
        slots: int | None = None,
        away: str = "away",
    ) -> dict[str, Any]:
        ready, vitals = engine.ready(), Vitals()
        if ready:
            try:
                vitals = engine.vitals()
            except VolanoError:
                ready = False
        return {
            "name": name,
            "kind": kind,
            "model": ", ".join(models),
            "state": "ready" if ready else away,
            "memory_bytes": memory,
            "busy": vitals.busy,
            "slots": vitals.slots if vitals.slots is not None else slots,
            "queued": vitals.queued,
            "tokens_per_s": self._rate(name, vitals),
            "kv_use": vitals.kv_use,
        }

    def _rate(self, name: str, vitals: Vitals) -> float | None:
        """Return tokens a second since the last look; an engine that started anew counts from 0."""
        if vitals.tokens is None:
            return vitals.tokens_per_s
        now = self._monotonic()
        then, before = self._last.get(name, (now, vitals.tokens))
        if now - then < LEAST_S:
            self._last.setdefault(name, (now, vitals.tokens))
            return vitals.tokens_per_s
        self._last[name] = (now, vitals.tokens)
        since = vitals.tokens - before if vitals.tokens >= before else vitals.tokens
        return since / (now - then)
