"""Evaluating as a durable Run: a flow is asked every row, the answers become a Report.

The rows' answers go to a journal in the Run's folder, so that an evaluation
that was killed goes on with the row where it stopped.
"""

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

from volano.core.ports.chat import Chat
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.data.keeper import Datasets
from volano.evals.keeper import Evals
from volano.flows.keeper import Flows
from volano.jobs.keeper import Runs
from volano.jobs.run import Run
from volano.jobs.work import Work
from volano.models.errors import ModelNotUsableError, NoProviderKeyError
from volano.models.keeper import Models
from volano.models.pointer import pointer_of, pool_of
from volano.serving import EngineSpec, engine, open_chat
from volano.serving.engines import engine_of
from volano.serving.spec import MOST_CONTEXT
from volano.store.artifact import Artifact

KIND = "eval"
JOURNAL = "answers.jsonl"
SLOTS = 8
MAX_TOKENS = 128
LOADING_S = 600.0
"""How long an engine may load: those of large models take minutes."""


ChatAt = Callable[[str, str], AbstractContextManager[Chat]]
"""Opens a chat with a model (second) at a target (first)."""


class Examiner:
    """Starts evaluation Runs, and is what such a Run does."""

    def __init__(
        self,
        runs: Runs,
        evals: Evals,
        datasets: Datasets,
        flows: Flows,
        models: Models,
        chat_at: ChatAt | None = None,
    ):
        self._chat_at = chat_at
        self._runs = runs
        self._evals = evals
        self._datasets = datasets
        self._flows = flows
        self._models = models
        runs.register(KIND, self._work, needs=("flow", "data", "split"))

    def run(self, flow: Ref | str, *, data: Ref | str, split: str = "test", by: Principal) -> Run:
        """Ask a flow every row of a dataset's split and score the answers.

        Raises:
            UnknownArtifactError: there is no such flow or dataset.
        """
        asked = self._flows.get(flow)
        inputs = {"flow": asked.ref, "data": self._datasets.get(data).ref, "split": split}
        return self._runs.start(KIND, name=asked.name, inputs=inputs, by=by, group=by.group)

    def _work(self, work: Work) -> dict[str, Any]:
        told = work.step("answer", self._answer, work)
        work.tidy(JOURNAL)
        return cast(dict[str, Any], told)

    def _answer(self, work: Work) -> dict[str, Any]:
        """Start an engine of our own, so that no traffic is disturbed, and ask."""
        inputs = work.inputs
        flow = self._flows.get(inputs["flow"])
        compiled = self._flows.compile(flow)
        with (
            tempfile.TemporaryDirectory(prefix="volano-") as short,
            self.chat(compiled.model, Path(short)) as chat,
        ):
            report = self._evals.evaluate(
                inputs["data"],
                split=inputs["split"],
                chat=chat,
                settings={"temperature": 0, "max_tokens": MAX_TOKENS, **compiled.prompt.settings},
                subject=flow,
                render=compiled.prompt.render,
                journal=Path(work.folder) / JOURNAL,
                by=work.by,
                made_by=work.run_id,
            )
        return {"ref": report.ref, "digest": str(report.digest)}

    def chat(self, model: Artifact, folder: Path) -> AbstractContextManager[Chat]:
        """Open a chat with a model: an engine of its own (its socket in `folder`), or where it is.

        Raises:
            ModelNotUsableError, NoProviderKeyError: it cannot be asked from here.
            EngineFailedError: its engine does not take it.
        """
        pool = pool_of(model)
        if pool is not None:  # the first entry answers for all: a report is about one model
            first = pool.entries[0]
            if first.target is not None:
                return self._at_target(model, first.target, first.model)
            model = self._models.get(first.model)
        pointer = pointer_of(model)
        if pointer is not None:
            if variable := pointer.lacks():
                raise NoProviderKeyError(model=model.ref, variable=variable)
            return open_chat(pointer.address, pointer.model, api_key=pointer.key())
        return engine(self._spec(model, folder), alias=model.ref, start_s=LOADING_S)

    def _spec(self, model: Artifact, folder: Path) -> EngineSpec:
        """Return an engine of the kind that the gateway would take for this model."""
        base, adapter = self._models.based(self._models.servable(model))
        meta = base.manifest.meta
        kind = engine_of(meta, base.manifest.files)
        context = min(int(meta.get("context_length", 512)), MOST_CONTEXT)
        return EngineSpec(
            name=f"eval-{model.digest.short}",
            model_path=str(self._models.served(base.ref, folder=kind.folder)),
            alias=base.ref,
            adapters=((model.ref, str(adapter)),) if adapter else (),
            address=f"unix:{folder / 'engine.sock'}",
            n_parallel=SLOTS,
            n_ctx=context * SLOTS,
            kind=kind.name,
            options=meta.get("engine_options") or {},
        )

    def _at_target(self, model: Artifact, target: str, name: str) -> AbstractContextManager[Chat]:
        if self._chat_at is None:
            raise ModelNotUsableError(model=model.ref, reason="no target can be asked from here")
        return self._chat_at(target, name)
