"""Guards: what must not be trained on, and runs that must not go on.

`leakage` finds rows that the evaluation holds too, `swaps` finds labels that
were exchanged by rule (and tells them apart from noise), `collapse` watches
the metric of the dev split while a run learns. `check` is the child process
that looks at the rows before anything is spent.
"""

CHILD = "volano.models.training.guards.check"
"""The module that a training Run starts as a child, before the training itself."""
