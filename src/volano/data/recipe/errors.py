"""What can be wrong with a recipe, and with running one."""

from volano.core.errors import (
    ConflictError,
    IntegrityError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    VolanoError,
)


class RecipeTooLargeError(TooLargeError):
    """{where}: the recipe has {size}; the limit is {limit}."""

    hint = "A recipe names sources and steps; rows and long tables belong into files."


class RecipeNotFoundError(NotFoundError):
    """There is no recipe `{path}`, or it cannot be read: {why}."""

    hint = "Name a YAML file; a relative path counts from where the command runs."


class UnreadableRecipeError(InvalidError):
    """{where}: {why}."""

    hint = (
        "A recipe is plain YAML: `sources:` and `steps:` are lists; tags and anchors are not taken."
    )


class UnknownKeyError(InvalidError):
    """{where}: a recipe has no `{key}`."""

    hint = "{meant}It has: {known}."


class UnknownStepError(InvalidError):
    """{where}: there is no step `{step}`."""

    hint = "{meant}Steps: {known}."


class UnknownSettingError(InvalidError):
    """{where}: the step `{step}` has no setting `{setting}`."""

    hint = "{meant}It has: {known}."


class SecretInRecipeError(InvalidError):
    """{where}: a password or key stands in the address of a source; a recipe is kept, and shown."""

    hint = "Write `${NAME}` in its place, and set the variable NAME where volano runs."


class UnregisteredStepError(InvalidError):
    """The step `{step}` is not registered, so that another process cannot find it."""

    hint = 'Put `@STEPS.register("{step}")` on its class, in a module of the entry point `volano.plugins`.'


class MissingModelFileError(NotFoundError):
    """The model `{model}` has no file `{file}` here."""

    hint = "Name a model that was trained here; see them with `volano model list`."


class UnknownExecutorError(InvalidError):
    """A recipe cannot be taken on `{on}`."""

    hint = "It can be on: {known}."


class StepBrokeError(VolanoError):
    """The step `{step}` broke at the row from {origin}: {why}."""

    hint = "This is a fault of the step, not of the row. Try it with `volano data preview`."


class SourceChangedMeanwhileError(ConflictError):
    """The source {source} gave other rows than when the run began."""

    hint = "Leave it as it is while a recipe runs, and start again."


class DamagedShardError(IntegrityError):
    """The cached rows {sha256} are damaged: {why}."""

    hint = "They are made again; if this repeats, look at the disk."


class BadDecisionError(VolanoError):
    """The step `{step}` decided for {got} shards where there are {want}."""

    hint = "`decide` returns one item for each folder, in their order."


class CacheBusyError(ConflictError):
    """The cache is in use: a recipe runs."""

    hint = "Wait for it, or stop it: see `volano run list`."


class NoRecipeReportError(NotFoundError):
    """`{ref}` was not made by a recipe, so it has no report."""

    hint = "Make one with `volano data prepare RECIPE.yaml`."
