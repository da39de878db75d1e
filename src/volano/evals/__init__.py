"""How good is it, on which rows, and how sure is that?

What enters: a dataset's split, whatever answers (the `Chat` port), and the
artifact that is judged. What leaves: artifacts of kind `report` with every
answer and its scores, 95 % intervals, and what the commonest label would get.

- `scorers`: what one answer is worth; a registry.
- `suite`, `journal`: ask every row once, and survive being killed.
- `report`: scores with intervals, and the baseline.
- `compare`: two reports on the same rows.
- `measures`, `target`: what is wanted, in words: limits and one wish.
- `front`, `choice`, `verdict`: candidates, those that no other beats, and which to take.
- `search`: few trials that find nearly the front of all.
- `candidates`, `advise`: models, flows and providers asked the same rows.
- `keeper`: `Evals`, the verbs.
"""

from volano.evals.keeper import Evals
from volano.evals.report import Report
from volano.evals.scorers import SCORERS
from volano.evals.scoring import Scorer, scorer

__all__ = ["SCORERS", "Evals", "Report", "Scorer", "scorer"]
