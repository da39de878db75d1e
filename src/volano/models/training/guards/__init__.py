"""Guards: what must not be trained on, and runs that must not go on.

`leakage` finds rows that the evaluation holds too, `swaps` finds labels that
were exchanged by rule (and tells them apart from noise), `check` looks for both
before a run begins. `collapse` watches the metric of the dev rows while it learns.
"""
