"""Feedback: what people and programs say about answers, also days later.

What enters: a value, a comment or a correction on a trace. What leaves:
`Feedback`, for a rollout's evidence, and corrections joined with the question
they answer, for the next dataset. Feedback goes through the spool like every
record: `sink` is what the recorder writes it with.
"""

from volano.feedback.keeper import Correction, Feedbacks
from volano.feedback.record import Feedback
from volano.feedback.tables import sink

__all__ = ["Correction", "Feedback", "Feedbacks", "sink"]
