"""Better words for a prompt: searched on train rows under a budget, judged once on held-out rows.

- `rows`: what examples come from, what chooses, what judges; no judging row anywhere else.
- `purse`, `asking`: every call is counted before it is made and never paid twice.
- `change`: the ways to reword a prompt.
- `ground`: where candidates are tried; `methods`: where they come from.
- `search`, `judgement`: from the prompt as it is to the comparison that decides.
- `sentence`, `trail`: what it came to, in words and as a report.
- `improver`: `Improver`, the verb, as a durable Run.
"""

from volano.evals.wording.improver import Improver

__all__ = ["Improver"]
