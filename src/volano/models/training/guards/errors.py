"""What guards refuse: gates that said no."""

from volano.core.errors import GateError


class LeakedError(GateError):
    """{rows} of {of} rows of the {split} split stand in the training rows too: {examples}."""

    hint = (
        "Take them out with the data step `decontaminate`, or say `guards: {leakage_limit: 1}` in "
        "the recipe to train all the same."
    )


class SwappedError(GateError):
    """Labels seem to be exchanged by rule: {swaps}."""

    hint = (
        "Look at such rows with `volano data show`, and correct or leave them out; or say "
        "`guards: {swaps: warn}` in the recipe to train all the same."
    )


class CollapsedError(GateError):
    """Training destroys the model: {metric} fell from {start} to {score} by step {step}."""

    hint = (
        "Lower the learning rate or the steps; for DPO keep `sft` beside `sigmoid` in the loss, and "
        "raise beta."
    )
