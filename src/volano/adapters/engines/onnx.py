"""ONNX Runtime as a process: `python -m volano.adapters.engines.onnx --spec JSON`.

`spec.model_path` is a folder with `model.onnx` (see `models.export.onnx`): it
takes `input_ids`, and `attention_mask` and `position_ids` where it wants them,
and gives logits. Keys and values go in and out as `past…` and `present…`
`[texts, heads, tokens, width]`; a file without them reads the whole text again
at each step. All turns under way take a step together.
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
from volano.adapters.engines.desk.turn import Turn
from volano.adapters.engines.desk.waiting import Waiting
from volano.adapters.engines.desk.wording import Wording
from volano.serving.errors import EngineFailedError
from volano.serving.spec import EngineSpec

KNOWN = ("input_ids", "attention_mask", "position_ids")
PAST, PRESENT = "past", "present"
QUEUE_PER_SLOT = 32
ERRORS_ONLY = 3
TYPES = {
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}


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
        gives = [one.name for one in self._session.get_outputs()]
        self._past = [name for name in self._wants if name.startswith(PAST)]
        unknown = sorted(set(self._wants) - {*KNOWN, *self._past})
        if unknown or "input_ids" not in self._wants:
            raise ValueError(f"it wants {', '.join(unknown) or 'no input_ids'}")
        logits = "logits" if "logits" in gives else gives[0]
        self._gives = [logits, *(name for name in gives if name.startswith(PRESENT))]
        if len(self._gives) - 1 != len(self._past):
            raise ValueError("what it keeps is not what it wants back")
        self._fixed = [n if isinstance(n, int) else None for n in self._wants["input_ids"].shape]

    @property
    def longest(self) -> int | None:
        """The number of tokens that the file is made for, when it is fixed."""
        return None if self._past else self._fixed[1]

    def logits(self, turns: Sequence[Turn]) -> Any:
        """Return the logits of each turn's next token."""
        if not self._past:
            return self._whole([[*turn.prompt, *turn.said] for turn in turns])
        rows = {id(turn): self._begin(turn) for turn in turns if turn.kept is None}
        going = [turn for turn in turns if id(turn) not in rows]
        if going:
            rows |= zip(map(id, going), self._go_on(going), strict=True)
        return np.stack([rows[id(turn)] for turn in turns])

    def _begin(self, turn: Turn) -> Any:
        """Read a turn's prompt, alone: prompts are of any length."""
        ids = np.array([[*turn.prompt, *turn.said]])
        nothing = [self._empty(name, 1, 0) for name in self._past]
        where = np.arange(ids.shape[1])[None]
        found, *turn.kept = self._run(ids, np.ones_like(ids), where, nothing)
        return found[0, -1]

    def _go_on(self, turns: Sequence[Turn]) -> Any:
        """Read the last token of each turn, all together.

        What is kept of them is of any length: it stands at the end, and the mask hides what is before it.
        """
        lengths = [turn.kept[0].shape[2] for turn in turns]
        longest = max(lengths)
        mask = np.zeros((len(turns), longest + 1))
        past = [self._empty(name, len(turns), longest) for name in self._past]
        for at, (turn, length) in enumerate(zip(turns, lengths, strict=True)):
            mask[at, longest - length :] = 1
            for whole, kept in zip(past, turn.kept, strict=True):
                whole[at, :, longest - length :] = kept[0]
        ids, where = np.array([[turn.said[-1]] for turn in turns]), np.array(lengths)[:, None]
        found, *present = self._run(ids, mask, where, past)
        for at, (turn, length) in enumerate(zip(turns, lengths, strict=True)):
            turn.kept = [new[at : at + 1, :, longest - length :] for new in present]
        return found[:, -1]

    def _whole(self, texts: Sequence[Sequence[int]]) -> Any:
        """Read whole texts, filled up behind: what comes later changes nothing before it."""
        step = self._fixed[0] or len(texts)
        parts = [self._some(texts[at : at + step]) for at in range(0, len(texts), step)]
        return np.concatenate(parts)

    def _some(self, texts: Sequence[Sequence[int]]) -> Any:
        count, longest = self._fixed[0] or len(texts), self._fixed[1] or max(map(len, texts))
        ids, mask = np.zeros((2, count, longest))
        for at, text in enumerate(texts):
            ids[at, : len(text)], mask[at, : len(text)] = text, 1
        where = np.broadcast_to(np.arange(longest), ids.shape)
        [found] = self._run(ids, mask, where, [])
        return found[np.arange(len(texts)), [len(text) - 1 for text in texts]]

    def _run(self, ids: Any, mask: Any, where: Any, past: Sequence[Any]) -> list[Any]:
        given = dict(zip(KNOWN, (ids, mask, where), strict=True))
        asked = {
            name: v.astype(self._type(name)) for name, v in given.items() if name in self._wants
        }
        asked |= zip(self._past, past, strict=True)
        return list(self._session.run(self._gives, asked))

    def _empty(self, name: str, count: int, length: int) -> Any:
        """Return room for what is kept: `[turns, heads, tokens, width]`."""
        shape = self._wants[name].shape
        return np.zeros((count, shape[1], length, shape[3]), dtype=self._type(name))

    def _type(self, name: str) -> Any:
        return TYPES[self._wants[name].type]


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
