"""Edge: LiteRT (`.tflite`) and ExecuTorch (`.pte`), for phones and small boards.

Both take a fixed length and keep no cache: the whole text is computed anew for
each token. Converter and runtime live in an environment of their own
(`models.tools`); the scripts beside this module run there, and know nothing of volano.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from volano.models.export.vocabulary import Vocabulary
from volano.models.tools import TOOLS

SCRIPTS = Path(__file__).parent / "scripts"
FILES = {"litert": "model.tflite", "executorch": "model.pte"}
LENGTH = 256
"""Tokens of prompt and answer together, at most."""


def export(
    folder: Path, target: Path, form: str, *, tools: Path
) -> tuple[list[str], dict[str, Any]]:
    """Write the model for a runtime; return the files it loads, and facts.

    Args:
        folder: config, tokenizer and safetensors.
        target: the folder to write into.
        form: `litert` or `executorch`.
        tools: where environments are made.

    Raises:
        ToolNotMadeError, ToolFailedError: the converter is not to be had, or refused the model.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    length = min(LENGTH, config["max_position_embeddings"])
    file = FILES[form]
    arguments = ["convert", str(folder.absolute()), str((target / file).absolute()), str(length)]
    TOOLS[form].run(tools, SCRIPTS / f"to_{form}.py", arguments)
    return [file, "tokenizer.json"], {"length": length, "cache": False}


def answers(
    folder: Path, form: str, prompts: Sequence[str], *, max_tokens: int, tools: Path
) -> dict[str, Any]:
    """Answer prompts with the runtime; return what `compression.trial` returns.

    Raises:
        ToolNotMadeError, ToolFailedError: as in `export`.
    """
    vocabulary = Vocabulary.of(folder)
    given = {
        "ids": [vocabulary.ids(prompt) for prompt in prompts],
        "max_tokens": max_tokens,
        "ends": list(vocabulary.ends),
    }
    arguments = ["answer", str((folder / FILES[form]).absolute())]
    script = SCRIPTS / f"to_{form}.py"
    said = json.loads(TOOLS[form].run(tools, script, arguments, given=json.dumps(given)))
    return {**said, "answers": [vocabulary.text(ids) for ids in said["answers"]]}
