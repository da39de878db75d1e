"""The scorers that ours bring; each file registers its own in `SCORERS`."""

from volano.evals.judges import scorer as judge
from volano.evals.scorers import (
    calls,
    chrf,
    citation,
    contains,
    edit,
    embedding,
    exact,
    normal,
    numeric,
    option,
    overlap,
    pattern,
    python_tests,
    refusal,
    schema,
    spent,
    support,
)
from volano.evals.scoring import SCORERS

DEFAULT = ("exact_match", "valid_json", "field_accuracy")

__all__ = [
    "DEFAULT", "SCORERS", "calls", "chrf", "citation", "contains", "edit", "embedding", "exact", "judge", "normal", "numeric", "option", "overlap", "pattern", "python_tests", "refusal", "schema", "spent", "support",
]  # fmt: skip
