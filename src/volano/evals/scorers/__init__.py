"""The scorers that ours bring; each file registers its own in `SCORERS`."""

from volano.evals.judges import scorer as judge
from volano.evals.scorers import exact
from volano.evals.scoring import SCORERS

DEFAULT = ("exact_match", "valid_json", "field_accuracy")

__all__ = ["DEFAULT", "SCORERS", "exact", "judge"]
