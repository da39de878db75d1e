"""Judges: models that score answers, and how far they may be believed.

What enters: a judge's YAML, answers, and rows that people labelled. What leaves: artifacts
of kind `judge`; scores, or why there is none; reports of how a judge agrees with people;
scores corrected by these.

- `judge`: what a judge is: rubric, pairwise or panel; `reading`: its YAML.
- `asking`: one question to the model, and its answer read strictly.
- `scorer`: a judge as a scorer of suites.
- `labelled`: rows with what people said; `calibration`: how far the judge agrees with them.
- `contest`: which of several is preferred; `correcting`: what people would have said.
- `keeper`: `Judges`, the verbs; `checking`: the Run of a check.
"""

from volano.evals.judges.judge import Judge

__all__ = ["Judge"]
