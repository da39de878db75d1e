"""Methods: where candidates come from. Each file registers one; a package may bring its own.

A method is a function of a `Ground`: it makes prompts of the learn rows and
tries them, until it has made as many trials as it may or the budget is spent.
"""

from volano.evals.wording.methods import (
    bootstrap,
    few_shot,
    nearest,
    recorded,
    reflective,
    rewrite,
    settings,
)
from volano.evals.wording.methods.registry import METHODS

__all__ = [
    "METHODS",
    "bootstrap",
    "few_shot",
    "nearest",
    "recorded",
    "reflective",
    "rewrite",
    "settings",
]
