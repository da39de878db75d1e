"""The playground: a prompt under work, asked of several models side by side, or over a few rows.

What enters: a Sketch (a prompt with the values of its variables) and the names of
players. What leaves: pieces of answers as they come, then a Take for each; nothing is kept but
the calls, which are recorded like all others, with the tag `playground`.
"""

from volano.evals.playground.keeper import Playground
from volano.evals.playground.take import Take

__all__ = ["Playground", "Take"]
