"""Training: rows in, a small Llama with its own tokenizer out; from scratch, or tuned by LoRA.

In order: `recipe` says what to train and how, `tokenizer` learns the words,
`rows` turns rows into token ids, `network` is the model and its files,
`checkpoint` keeps the state between steps, `loop` takes the steps, `train` is
the child process that does it all and leaves a folder that `models` imports.

Everything is deterministic on one thread: the batch of a step depends only on
the seed and the step's number, so that a run that was killed and resumed ends
with the same bits as one that was not.
"""

from importlib.util import find_spec

from volano.core.errors import UnavailableError
from volano.models.training.recipe import Recipe, Tuning, label_text

__all__ = ["CHILD", "NotInstalledError", "Recipe", "Tuning", "label_text", "require"]

CHILD = "volano.models.making"
"""The module that a job starts as its child."""

PACKAGES = ("torch", "transformers", "peft", "safetensors", "tokenizers", "gguf")


class NotInstalledError(UnavailableError):
    """Training needs packages that are not installed: {missing}."""

    hint = "Install them with `pip install 'volano[train]'`."


def require(packages: tuple[str, ...] = PACKAGES) -> None:
    """Check, before a job is started, that training can run here.

    Raises:
        NotInstalledError: names what is missing.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise NotInstalledError(missing=", ".join(missing))
