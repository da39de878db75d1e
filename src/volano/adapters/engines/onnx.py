"""ONNX Runtime as a process: `python -m volano.adapters.engines.onnx --spec JSON`.

`spec.model_path` is a folder with `model.onnx`, which takes token ids
(`input_ids`, and `attention_mask` and `position_ids` where it wants them) and
gives logits. All turns under way take a step together; each step reads the whole
text again, because such a file keeps no cache: for small models and short answers.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from volano.adapters.engines.desk.door import Door
from volano.adapters.engines.desk.open import main as serve
from volano.adapters.engines.desk.stepping import stepper
from volano.adapters.engines.desk.waiting import Waiting
from volano.adapters.engines.desk.wording import Wording
from volano.serving.errors import EngineFailedError
from volano.serving.spec import EngineSpec

KNOWN = ("input_ids", "attention_mask", "position_ids")
QUEUE_PER_SLOT = 32
ERRORS_ONLY = 3


class Reckoner:
    """The arithmetic of one model file."""

    def __init__(self, path: Path, *, threads: int):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = ERRORS_ONLY
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self._wants = {one.name: one for one in self._session.get_inputs()}
        unknown = sorted(set(self._wants) - set(KNOWN))
        if unknown or "input_ids" not in self._wants:
            raise ValueError(f"it wants {', '.join(unknown) or 'no input_ids'}")
        self._fixed = [n if isinstance(n, int) else None for n in self._wants["input_ids"].shape]
        self._gives = next(
            (one.name for one in self._session.get_outputs() if one.name == "logits"),
            self._session.get_outputs()[0].name,
        )

    @property
    def longest(self) -> int | None:
        """The number of tokens that the file is made for, when it is fixed."""
        return self._fixed[1]

    @property
    def together(self) -> int | None:
        """The number of texts that the file takes at once, when it is fixed."""
        return self._fixed[0]

    def logits(self, texts: Sequence[Sequence[int]]) -> Any:
        """Return the logits of each text's next token.

        Texts are filled up behind: what comes later changes nothing before it.
        """
        step = self.together or len(texts)
        parts = [self._some(texts[at : at + step]) for at in range(0, len(texts), step)]
        return np.concatenate(parts)

    def _some(self, texts: Sequence[Sequence[int]]) -> Any:
        count, longest = self.together or len(texts), self.longest or max(map(len, texts))
        ids = np.zeros((count, longest), dtype=self._kind("input_ids"))
        mask = np.zeros_like(ids)
        for at, text in enumerate(texts):
            ids[at, : len(text)], mask[at, : len(text)] = text, 1
        given = {"input_ids": ids, "attention_mask": mask}
        given["position_ids"] = np.broadcast_to(np.arange(longest, dtype=ids.dtype), ids.shape)
        asked = {
            name: value.astype(self._kind(name))
            for name, value in given.items()
            if name in self._wants
        }
        [found] = self._session.run([self._gives], asked)
        return np.asarray(found)[np.arange(len(texts)), [len(text) - 1 for text in texts]]

    def _kind(self, name: str) -> type[np.signedinteger[Any]]:
        return np.int32 if self._wants[name].type == "tensor(int32)" else np.int64


def load(spec: EngineSpec) -> Door:
    """Load a model folder and begin to step.

    Raises:
        EngineFailedError: a file that is needed is not there.
    """
    folder = Path(spec.model_path)
    for name in ("model.onnx", "tokenizer.json"):
        if not (folder / name).is_file():
            raise EngineFailedError(name=spec.name, reason=f"no file `{folder / name}`")
    wording = Wording(folder)
    reckoner = Reckoner(folder / "model.onnx", threads=spec.threads)
    waiting = Waiting(spec.n_parallel * QUEUE_PER_SLOT)
    stepper(waiting, reckoner.logits, most=spec.n_parallel)
    context = min(spec.n_ctx // spec.n_parallel, reckoner.longest or spec.n_ctx)
    return Door(wording, waiting, alias=spec.alias, context=context, slots=spec.n_parallel)


def main() -> int:
    """Read the command line and serve."""
    return serve(load, "Serve one ONNX model on a Unix socket.")


if __name__ == "__main__":
    sys.exit(main())
