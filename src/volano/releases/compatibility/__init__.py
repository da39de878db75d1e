"""Compatibility: what of a release would break those who call it; pure, but for what is asked.

- `answers`, `variables`: the two contracts: what callers get, and what they give.
- `flips`: rows that were right and are wrong, of the reports that both releases pin.
- `rehearsal`: recorded requests asked of both; `replayed`, `envelope`, `context` judge what came.
- `limits`: what is still taken. `outcome`: what all gates say together.

The verbs are in `releases.check` (checking) and `releases.demands` (what a channel demands).
"""
