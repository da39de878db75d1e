"""The child process that takes a recipe over its sources: `python -m volano.data.recipe.passing FOLDER`.

Its spec:

    {"recipe": {…},                      # Recipe.to_dict
     "inputs": [{"key": …, "spec": {…}}],  # what names a source, and how it is opened;
                                         # {"gathered": path, "digest": …}: a dataset's rows
     "opener": "module:function",
     "cache": "/…/cache/recipes",
     "kept": "/…/answers",               # what steps keep for good: what was paid for
     "sample": null, "workers": 0,
     "on": null}                         # inline, processes, {"kind": "module:Class", "address": …}

It leaves a bundle in `FOLDER/out`. Killed at any instant and started again it
goes on from the cache.
"""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from volano.core.plugins import load_plugins
from volano.data.recipe.bundle import pack_up
from volano.data.recipe.cache import Cache
from volano.data.recipe.engine import Engine, Input
from volano.data.recipe.executor import executor_of
from volano.data.recipe.recipe import Recipe
from volano.data.recipe.source import Gathered, Opener, opener_of
from volano.data.sources.source import Source
from volano.jobs.child import ChildJob, child_main

MODULE = "volano.data.recipe.passing"


def go(job: ChildJob) -> dict[str, Any]:
    """Take the recipe over its sources; return where the bundle is, and what is in it."""
    load_plugins()
    spec = job.spec
    opener = opener_of(spec["opener"])
    recipe = Recipe.kept(spec["recipe"])
    cache = Cache(Path(spec["cache"]))
    executor = executor_of(spec["workers"], spec.get("on"), cache.folder)
    inputs = [
        Input(one["key"], partial(_open, opener, one), bool(one.get("append")))
        for one in spec["inputs"]
    ]
    out = job.folder / "out"
    try:
        engine = Engine(cache, executor, kept=Path(spec["kept"]), tell=job.progress)
        with cache.in_use():
            prepared = engine.run(inputs, recipe.steps, sample=spec["sample"])
            pack_up(prepared, cache, out)
    finally:
        executor.close()
    cache.tidy()
    return {"folder": str(out), "content": prepared.content, "rows": prepared.rows}


def _open(opener: Opener, one: dict[str, Any], state: Mapping[str, Any] | None = None) -> Source:
    """Open a source, or the rows that the Run has gathered."""
    spec = one["spec"]
    if "gathered" in spec:
        return Gathered(Path(spec["gathered"]), spec["digest"])
    if state is not None:
        return opener(spec, root=Path(one["folder"]), state=state)
    return opener(spec, root=Path(one["folder"]))


def main() -> int:
    """Run as a job's child."""
    with child_main() as job:
        job.done(go(job))
    return 0


if __name__ == "__main__":
    sys.exit(main())
