"""Finishing: the engine's file of another's model that was tuned here, and its proof.

A model in Hugging Face's format gets `model.gguf` beside its weights, an adapter
`adapter.gguf` where its base has a GGUF. The proof asks rows as they were
learned: the trained weights by ids, the engine by messages. So it also shows
that chat template, begin token and wording are what training saw. Where the
exporter does not know the model, it is kept all the same, and its card says why.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from volano.models import adapter, adapter_gguf, export, parity
from volano.models.adapter_gguf import BadAdapterError
from volano.models.export import NotExportableError, RowsDoNotFitError, gguf
from volano.models.kinds import GGUF, UNSERVED
from volano.models.training.asking import answers
from volano.models.training.job import Outcome, Row
from volano.models.training.plan import Plan
from volano.models.training.render import asked_of, render, uses_chat
from volano.serving.errors import EngineFailedError

PROOF = "parity.json"
LARGE, FEW = 50_000_000, 10
"""Parameters from which on only a few answers are compared: torch on a CPU is slow there."""
SPARE_TOKENS = 8


def finish(
    spec: Mapping[str, Any], folder: Path, made: Outcome, card: dict[str, Any], rows: Sequence[Row]
) -> parity.Parity | None:
    """Write the engine's file and its proof into the folder; None where there is none.

    What stands in the way is put into the card, under `unserved`.
    """
    apart = (folder / adapter.CONFIG).is_file()
    beside = folder / adapter.SERVED if apart else None
    try:
        file, precision = _adapted(spec, folder) if apart else _whole(spec, folder)
        proof = _prove(made, file, precision, rows, beside=beside)
    except (BadAdapterError, NotExportableError, RowsDoNotFitError, EngineFailedError) as error:
        for name in (GGUF, adapter.SERVED):
            (folder / name).unlink(missing_ok=True)
        card[UNSERVED] = error.message
        return None
    text = json.dumps(proof.to_dict(), ensure_ascii=False, indent=1)
    (folder / PROOF).write_text(text + "\n", encoding="utf-8")
    return proof


def _whole(spec: Mapping[str, Any], folder: Path) -> tuple[Path, str]:
    precision = spec.get("precision", "F32")
    name = spec.get("name", "model")
    return export.export(folder, folder / GGUF, precision=precision, name=name), precision


def _adapted(spec: Mapping[str, Any], folder: Path) -> tuple[Path, str]:
    base = Path(spec["base"])
    if not (base / GGUF).is_file():
        reason = f"its base has no {GGUF} to be served beside"
        raise BadAdapterError(folder=folder.name, reason=reason)
    adapter_gguf.write(folder, base, folder / adapter.SERVED)
    # The first type is that of most tensors; norms are in 32 bits in every file.
    kinds = [kind for kind in gguf.types(base / GGUF) if kind != "F32"]
    return base / GGUF, kinds[0] if kinds else "F32"


def _prove(
    made: Outcome, file: Path, precision: str, rows: Sequence[Row],
    *, beside: Path | None,
) -> parity.Parity:  # fmt: skip
    plan, words, context = Plan.from_dict(made.recipe), made.tokenizer, made.facts["context"]
    network = made.model.eval().float()
    chat = uses_chat(plan, words.chat_template)
    large = sum(p.numel() for p in network.parameters()) > LARGE
    found = [(row, render(row, words, plan, context=context)) for row in rows]
    kept = [(row, one) for row, one in found if one is not None and not one.cut]
    kept = kept[: FEW if large else None]
    longest = max((len(one.completion) for _, one in kept), default=0) + SPARE_TOKENS
    expected: list[str] = []
    for start in range(0, len(kept), 16):
        prompts = [list(one.prompt) for _, one in kept[start : start + 16]]
        expected += answers(network, words, prompts, longest)
    return parity.check(
        file,
        [asked_of(row, plan, chat=chat) for row, _ in kept],
        expected,
        precision=precision,
        max_tokens=longest,
        context=context + longest,
        adapter=beside,
    )
