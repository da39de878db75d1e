"""Methods of training, one module each, by name; a module is loaded when its method is used.

Each has `train(job) -> Outcome` (see `training.job`). The heavy libraries are
imported by these modules, so that who only reads a recipe does not wait for them.
"""

from collections.abc import Callable
from importlib import import_module
from typing import cast

from volano.models.training.job import Job, Outcome
from volano.models.training.recipe import BadRecipeError

METHODS = {
    name: f"volano.models.training.methods.{name}"
    for name in ("scratch", "full", "lora", "dpo", "distill", "private", "federated")
}
NEEDS_BASE = ("full", "lora", "dpo", "private")
"""Methods that start from trained weights; `federated` and `distill` may."""


def method(name: str) -> Callable[[Job], Outcome]:
    """Return the method's function.

    Raises:
        BadRecipeError: there is no such method.
    """
    if name not in METHODS:
        raise BadRecipeError(reason=f"there is no method `{name}`; there are {', '.join(METHODS)}")
    return cast("Callable[[Job], Outcome]", import_module(METHODS[name]).train)
