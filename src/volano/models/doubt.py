"""Doubt: what is said of a model whose file does not answer as its trained weights do.

It is kept, for people to look at, and it may not be used. Whoever made it hears so at once, and
not only from the first door that refuses it.
"""

from collections.abc import Mapping
from typing import Any

from volano.store.artifact import Artifact

REMEDY = "Train it again with `volano model train`, or look at it with `volano model show {model}`."
OF_A_FORM = (
    "Take a form with more bits, such as f32, of the model that it was made from: "
    "`volano model compress --help`. A model that is unsure of its answers turns them easily: "
    "train it longer first."
)


def doubt(meta: Mapping[str, Any]) -> str:
    """Return why a model may not be used; empty where its proof passed, or nobody asked for one."""
    proof = meta.get("parity")
    if not proof or proof["passed"]:
        return ""
    return f"only {proof['equal']} of {proof['n']} answers equal its trained weights'"


def remedy(model: Artifact) -> str:
    """Return what to do about it: a form is made again, a model is trained again."""
    return OF_A_FORM if "form" in model.manifest.meta else REMEDY.format(model=model.ref)


def warnings(*models: Artifact) -> list[str]:
    """Return a sentence for each of the models that may not be used, for the end of a Run."""
    return [
        f"{one.ref} may not be used: {why}. {remedy(one)}"
        for one in models
        if (why := doubt(one.manifest.meta))
    ]


def standing(meta: Mapping[str, Any]) -> str:
    """Return the proof in a word or two, for a list; empty where there is none."""
    proof = meta.get("parity")
    if not proof:
        return ""
    return "passed" if proof["passed"] else f"failed: {proof['equal']} of {proof['n']}"
