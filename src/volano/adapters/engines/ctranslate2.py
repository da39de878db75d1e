"""CTranslate2 as a process: `python -m volano.adapters.engines.ctranslate2 --spec JSON`.

`spec.model_path` is the folder that its converter wrote. Requests that wait are
computed together, greedy ones and ones of equal temperature with each other;
what comes meanwhile is taken by the next lane. A request with a seed is drawn
by our own dice from the model's logits, because CTranslate2's belong to its
threads and would give another answer each time.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np

from volano.adapters.engines.desk.door import Door
from volano.adapters.engines.desk.lanes import lane
from volano.adapters.engines.desk.open import main as serve
from volano.adapters.engines.desk.stepping import step_to_end
from volano.adapters.engines.desk.turn import Turn
from volano.adapters.engines.desk.waiting import Waiting
from volano.adapters.engines.desk.wording import Wording
from volano.serving.errors import EngineFailedError
from volano.serving.spec import EngineSpec

LANES = 2
"""Batches computed side by side: a long answer does not keep out who comes after it."""
QUEUE_PER_SLOT = 32


class Reckoner:
    """The arithmetic of one model folder."""

    def __init__(self, folder: Path, wording: Wording, *, threads: int, compute_type: str):
        self._generator = ctranslate2.Generator(
            str(folder), inter_threads=LANES, intra_threads=threads, compute_type=compute_type
        )
        self._wording = wording

    def answer(self, turns: Sequence[Turn]) -> None:
        """Answer turns to their ends; all of them are alike."""
        sampling = turns[0].sampling
        if not sampling.greedy and sampling.seed is not None:
            step_to_end(turns, self.logits)
            return
        known = self._wording.tokenizer
        self._generator.generate_batch(
            [[known.id_to_token(one) for one in turn.prompt] for turn in turns],
            max_length=max(turn.room for turn in turns),
            end_token=sorted(self._wording.ends) or None,
            include_prompt_in_result=False,
            sampling_topk=1 if sampling.greedy else 0,
            sampling_topp=sampling.top_p or 1e-6,
            sampling_temperature=sampling.temperature or 1.0,
            callback=lambda said: not turns[said.batch_id].put(said.token_id),
        )

    def logits(self, turns: Sequence[Turn]) -> Any:
        """Return the logits of each turn's next token."""
        texts = [[*turn.prompt, *turn.said] for turn in turns]
        found = np.array(self._generator.forward_batch(texts))
        return found[np.arange(len(texts)), [len(text) - 1 for text in texts]]


def alike(one: Turn, other: Turn) -> bool:
    """Whether two turns can be computed in one batch."""
    a, b = one.sampling, other.sampling
    if a.greedy or b.greedy:
        return a.greedy and b.greedy
    if a.seed is not None or b.seed is not None:
        return a.seed is not None and b.seed is not None
    return (a.temperature, a.top_p) == (b.temperature, b.top_p)


def load(spec: EngineSpec) -> Door:
    """Load a model folder and open its lanes.

    Raises:
        EngineFailedError: a file that is needed is not there.
    """
    folder = Path(spec.model_path)
    for name in ("model.bin", "tokenizer.json"):
        if not (folder / name).is_file():
            raise EngineFailedError(name=spec.name, reason=f"no file `{folder / name}`")
    wording = Wording(folder)
    reckoner = Reckoner(
        folder, wording, threads=spec.threads,
        compute_type=str(spec.options.get("compute_type", "default")),
    )  # fmt: skip
    waiting = Waiting(spec.n_parallel * QUEUE_PER_SLOT)
    each = max(1, -(-spec.n_parallel // LANES))
    for _ in range(min(LANES, spec.n_parallel)):
        lane(waiting, reckoner.answer, most=each, like=alike)
    context = spec.n_ctx // spec.n_parallel
    return Door(wording, waiting, alias=spec.alias, context=context, slots=spec.n_parallel)


def main() -> int:
    """Read the command line and serve."""
    return serve(load, "Serve one CTranslate2 model on a Unix socket.")


if __name__ == "__main__":
    sys.exit(main())
