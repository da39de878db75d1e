"""Evaluators: what live answers are worth, from a sample that was drawn with known probability.

What enters: recorded calls, in order, behind a durable cursor; models that judge, within a
budget of each day. What leaves: scores as feedback on the traces, each with the probability
by which its call was drawn, and estimates for all calls, by slice and over time.

It works in control, off the path of any call, and never waits for the recorder.
"""

from volano.monitor.evaluators.evaluator import Evaluator
from volano.monitor.evaluators.keeper import Evaluators
from volano.monitor.evaluators.watch import Watch

__all__ = ["Evaluator", "Evaluators", "Watch"]
