"""The child process that makes a form: `python -m volano.models.compression.making FOLDER`.

Its spec:

    {"folder": "/…/parent",            # config, tokenizer, safetensors
     "model": "router@1",              # what people call it
     "form": "q8_0",
     "name": "router-small",
     "prune": 0.5, "parts": "weights", "recovery_steps": 300, "seed": 0,
     "rows": "/…/train.jsonl",         # what recovery learns; may be missing
     "check": "/…/test.jsonl",         # what is asked for parity
     "adapter": "/…/adapter",          # merged into the parent first; may be missing
     "tools": "/…/tools"}

Where neither rows nor check are there, `probes` are asked.

It compresses, has both the weights and the form answer the same prompts with
the same template, and reports `{"folder", "files", "meta"}`. Two comparisons are kept
apart: `parity` is to the weights that the form was made from (is the file
the model?), `kept` is to the parent (what did compression change?).
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from volano.core.digest import Digest
from volano.jobs.child import child_main
from volano.models.compression import network, probes
from volano.models.compression.made import Made, asked, compress, expected_answer
from volano.models.compression.measure import measure
from volano.models.compression.parts import NEURONS, WEIGHTS
from volano.models.export.errors import NotExportableError
from volano.models.export.vocabulary import Vocabulary

CHECKED = 100
"""How many answers are compared."""

MAX_TOKENS = 64
MOST_CONTEXT = 4096
CONTEXT = ("max_position_embeddings", "n_positions")
"""What configurations call the tokens that fit; GPT-2 has a word of its own."""
_SHAPE = ("architecture", "parameters", "context_length", "chat_template")


def make(spec: Mapping[str, Any], *, folder: Path, progress: Callable[..., None]) -> dict[str, Any]:
    """Compress, measure, and write `card.json` and `parity.json` beside the form.

    Raises:
        NotExportableError, RowsDoNotFitError: the model cannot have this form.
        TrialFailedError: the form's engine does not take it.
    """
    torch.set_num_threads(1)  # more threads are slower as soon as a second program runs
    parent = Path(spec["folder"])
    if spec.get("adapter"):
        parent = network.merged(parent, Path(spec["adapter"]), folder.parent / "merged")
    rows = _rows(spec.get("rows"))
    # `structured` is what a Run wrote down before there were other parts
    parts = spec.get("parts") or (NEURONS if spec.get("structured") else WEIGHTS)
    made = compress(
        parent,
        spec["form"],
        folder,
        prune=spec.get("prune") or 0.0,
        parts=parts,
        rows=rows,
        recovery_steps=spec.get("recovery_steps", 300),
        seed=spec.get("seed", 0),
        name=spec["name"],
        tools=Path(spec["tools"]),
        progress=progress,
    )
    checked = (_rows(spec.get("check")) or rows or probes.rows())[:CHECKED]
    proof, facts = prove(made, parent, checked)
    card = {**_card(parent), **made.meta, **facts}
    if "pruned" in card:  # with parts taken out it is smaller than its parent's card says
        card["parameters"] = card["pruned"]["parameters"]
    for name, value in {"card.json": card, "parity.json": proof}.items():
        text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
        (folder / name).write_text(text + "\n", encoding="utf-8")
    files = [*made.files, "card.json", "parity.json"]
    return {"folder": str(folder), "files": files, "meta": {**card, "parity": proof}}


def prove(
    made: Made, parent: Path, rows: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parity proof, and what compression kept of its parent's answers."""
    prompts = asked(parent, [_text(row) for row in rows])
    said = said_by(parent, prompts)
    from_weights = said if made.source == parent else said_by(made.source, prompts)
    measured = measure(
        made, prompts, from_weights, max_tokens=MAX_TOKENS, context=_context(parent),
        parent=made.source,
    )  # fmt: skip
    answers = measured.pop("answers")
    n, equal = measured.pop("n"), measured.pop("equal")
    proof = {
        "n": n,
        "equal": equal,
        "precision": made.form.precision,
        "required": made.form.floor,
        "passed": n > 0 and equal >= made.form.floor * n,
        "gguf": Digest.of((made.folder / made.files[0]).read_bytes()),
    }
    kept = sum(a == b for a, b in zip(answers, said, strict=True))
    facts = {"measured": measured, "kept": {"n": n, "equal": kept}}
    if n and all("label" in row for row in rows):
        gold = [expected_answer(parent, row["label"]) for row in rows]
        facts["exact"] = {"n": n, "parent": _equal(said, gold), "form": _equal(answers, gold)}
    return proof, facts


def _text(row: Mapping[str, Any]) -> str:
    """Return what is asked of a row: its text, its prompt, or what a person said last in it."""
    if "messages" in row:
        return next((m["content"] for m in reversed(row["messages"]) if m["role"] == "user"), "")
    return str(row["text"] if "text" in row else row.get("prompt", ""))


def said_by(folder: Path, prompts: Sequence[str]) -> list[str]:
    """Return the greedy answers of the weights in a folder."""
    model, vocabulary = network.load(folder), Vocabulary.of(folder)
    return network.answers(model, vocabulary, prompts, max_tokens=MAX_TOKENS)


def _equal(answers: Sequence[str], gold: Sequence[str]) -> int:
    return sum(a == b for a, b in zip(answers, gold, strict=True))


def _context(folder: Path) -> int:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    said = next((config[key] for key in CONTEXT if key in config), MOST_CONTEXT)
    return int(min(said, MOST_CONTEXT))


def _card(folder: Path) -> dict[str, Any]:
    """Return what the parent's card says of its shape; its metrics stay with it."""
    try:
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    kept = {k: card[k] for k in _SHAPE if k in card}
    tokens = (card.get("metrics") or {}).get("answer_tokens")
    return {**kept, **({"metrics": {"answer_tokens": tokens}} if tokens else {})}


def _rows(path: str | None) -> list[dict[str, Any]]:
    if path is None:
        return []
    with Path(path).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def main() -> int:
    """Run as a job's child."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with child_main() as job:
        try:
            made = make(job.spec, folder=job.folder / "model", progress=job.progress)
        except NotExportableError as error:  # people know it by its name, not by our folder's
            facts = {**error.facts, "folder": job.spec.get("model", job.spec["name"])}
            raise NotExportableError(**facts) from error
        job.done(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
