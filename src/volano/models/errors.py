"""What can go wrong with models."""

from volano.core.errors import (
    ConflictError,
    IntegrityError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)


class ModelNotUsableError(ConflictError):
    """`{model}` may not be used: {reason}."""

    hint = (
        "Train it again with `volano model train`, or look at it with `volano model show {model}`."
    )


class NotAModelError(IntegrityError):
    """`{folder}` is not a trained model: {reason}."""

    hint = "A training run leaves such a folder; see it with `volano run show`."


class NoProviderKeyError(UnavailableError):
    """`{model}` cannot be asked: the variable `{variable}`, which should hold its key, is not set."""

    hint = "Set it, then start `volano up` again. See all with `volano model keys`."


class BadPointerError(InvalidError):
    """This pointer to a model elsewhere cannot be used: {reason}."""

    hint = (
        "Give entries such as `openai:gpt-5` with --at. Or an https address (or http on this machine), the model's name there, "
        "and the name of the environment variable that holds the key."
    )


class PreflightFailedError(UnavailableError):
    """The look at the recipe broke off: {reason}."""

    hint = "Look at the dataset with `volano data show`, and at this machine with `volano doctor`."


class RefusedFileError(InvalidError):
    """`{file}` is refused: {reason}."""

    hint = "{way}"


class UnknownSourceError(NotFoundError):
    """There is no model at `{source}`: {reason}."""

    hint = "Give a folder, a .gguf or .onnx file, `hf:org/name@revision` or `ollama:name:tag`."


class HubError(UnavailableError):
    """`{repo}` cannot be fetched from {hub}: {reason}."""

    hint = "Check the name and the network, or fetch it elsewhere and import the folder."


class NotExportableError(ConflictError):
    """`{model}` cannot be written as {form}: {reason}."""

    hint = "Look at what it has with `volano model show {model}`."


class UnfitStateError(ConflictError):
    """`{model}` is {before}; from there it cannot become {state}."""

    hint = "It can become {choices}. See its past with `volano model history {model}`."


class StillUsedError(ConflictError):
    """`{model}` cannot be {state}: {users} {use} it."""

    hint = (
        "Promote another release there first, or take a channel that nobody calls away: "
        "`volano channel close CHANNEL`."
    )
