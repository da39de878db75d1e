"""An experiment: a rollout that compares releases, unit by unit. The pure part.

- `measure`: what is measured on a unit, from its calls or from what was said of them.
- `design`: the arms, the goal, the guardrails, and when it is over.
- `exposure`: who saw which arm since when, and what came of it.
- `evidence`: units whose window is over, by arm; what may be said of them at every look.
- `verdict`: that in one sentence, and what is to be done.
"""
