"""The child that has a model made elsewhere: `python -m volano.models.away FOLDER`.

Its spec is that of `models.making`, and beside it

    {"executor": {"kind": "module:Class", "address": …}}     # as `Elsewhere.told` gives it

The executor (Ray) does one task on one of its nodes: it trains as `making` does here, in this
same folder, which every node sees under the same path. So progress and checkpoints lie where
they always lie: a task whose node or process died is begun again elsewhere, and goes on from
the checkpoint. When this process ends, so does its task.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from volano.data.recipe.executor import Resources, executor_of
from volano.jobs.child import child_main
from volano.models.known import OURS
from volano.models.on_node import there
from volano.models.training.incompatible import OWN_ONLY
from volano.models.training.plan import Plan


def resources(spec: Mapping[str, Any]) -> Resources:
    """Return what a node must have for it: our own small networks are trained on one core.

    Ranks that share a training stay on one node, and each has a core beside its GPU.
    """
    plan = Plan.from_dict(spec["plan"])
    base = spec.get("base")
    own = plan.method in ("scratch", *OWN_ONLY) or (base and (Path(base) / OURS).is_file())
    if own:
        return Resources()
    if plan.hardware == "cpu":
        return Resources(cpus=plan.devices)
    if plan.hardware == "auto":
        return Resources(gpus=None)
    return Resources(gpus=plan.devices, cpus=plan.devices)


def main() -> int:
    """Run as a job's child."""
    with child_main() as job:
        executor = executor_of(1, job.spec["executor"], job.folder, resources=resources(job.spec))
        try:
            (made,) = executor.map(there, [str(job.folder)])
        finally:
            executor.close()
        job.done(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
