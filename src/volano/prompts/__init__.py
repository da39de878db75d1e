"""Prompts: what is said to a model around the user's words, as versioned artifacts.

Enters: messages with one `{{input}}`, and model settings. Leaves: artifacts of
kind `prompt`, which flows pin and the gateway renders.
"""

from volano.prompts.keeper import Prompts
from volano.prompts.prompt import Prompt

__all__ = ["Prompt", "Prompts"]
