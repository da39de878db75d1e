"""What can be wrong with a prompt."""

from volano.core.errors import InvalidError


class BadPromptError(InvalidError):
    """This prompt cannot be used: {why}."""

    hint = "A prompt is fixed messages, then one user message with `{{input}}` in it once."
