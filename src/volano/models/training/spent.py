"""Spent: seconds and energy of a run over all its processes, those that were killed too.

    E = cpu seconds / 3600 x W per busy thread x PUE        (low, central, high)
    E + device seconds / 3600 x W of a GPU x PUE            on a GPU

Constants and their sources: `costs.factors`; a GPU's are below. What a killed
process spent after its last word is lost: a few seconds.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from volano.costs import factors
from volano.costs.factors import Range
from volano.models.training.plan import Plan

GPU_WATTS = Range(70.0, 350.0, 1000.0)
"""W of a busy GPU with its share of the host: from an L4 (72 W board power) over an H100 PCIe
(350 W) to an H100 SXM (700 W) with host; NVIDIA data sheets."""


class Spent:
    """Counts on from what earlier processes of the run have written."""

    def __init__(self, path: Path, *, others: Callable[[], float] = lambda: 0.0):
        """Take the file that keeps what was spent, and who knows other processes' CPU seconds."""
        self._path, self._others = path, others
        self._cpu, self._wall = time.process_time(), time.perf_counter()
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
            self._before = (float(before["cpu_s"]), float(before["wall_s"]))
        except (OSError, ValueError, LookupError, TypeError):
            self._before = (0.0, 0.0)

    def cpu_s(self) -> float:
        """Return the CPU seconds so far."""
        return round(self._before[0] + time.process_time() - self._cpu + self._others(), 2)

    def wall_s(self) -> float:
        """Return the seconds so far."""
        return round(self._before[1] + time.perf_counter() - self._wall, 2)

    def beside(self, progress: Callable[..., None]) -> Callable[..., None]:
        """Return the progress function, which also notes what was spent."""

        def tell(step: int, of: int, **metrics: float) -> None:
            progress(step, of, **metrics)
            said = {"cpu_s": self.cpu_s(), "wall_s": self.wall_s()}
            part = self._path.with_suffix(".part")
            part.write_text(json.dumps(said), encoding="utf-8")
            part.replace(self._path)

        return tell

    def cost(self, plan: Plan, *, gpus: int = 0) -> dict[str, Any]:
        """Return energy in Wh (low, central, high), and money where the recipe gives a price."""
        wh = factors.CORE_WATTS.value * (self.cpu_s() / 3600)
        if gpus:
            wh = wh.plus(GPU_WATTS * (self.wall_s() * gpus / 3600))
        wh = wh * factors.OWN_PUE.value
        said: dict[str, Any] = {
            "wall_s": self.wall_s(),
            "wh": [float(f"{one:.3g}") for one in wh],
            "basis": "seconds of this machine",
        }
        if plan.price.an_hour is not None:
            money = self.wall_s() / 3600 * plan.price.an_hour * max(1, gpus)
            said["money"] = {"amount": round(money, 6), "currency": plan.price.currency}
        return said
