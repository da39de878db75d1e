"""What can go wrong when a model becomes another format."""

from volano.core.errors import InvalidError


class NotExportableError(InvalidError):
    """`{folder}` cannot become {form}: {reason}."""

    hint = "Llama, Mistral, Qwen2 and Qwen3 models with a byte-level BPE tokenizer are converted; import others as files of that format."

    def __init__(self, *, folder: object, reason: str, form: str = "GGUF"):
        super().__init__(folder=folder, reason=reason, form=form)


class RowsDoNotFitError(InvalidError):
    """{kind} needs rows of {block} weights: `{tensor}` has rows of {width}."""

    hint = "Choose a form with blocks of 32 such as q8_0, q5_0 or q4_0, or train a model whose widths are multiples of {block}."
