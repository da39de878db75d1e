"""Feedback: what people, programs and judges say about answers, also days later.

What enters: a verdict, a comment or a correction on a trace, span, session or
user, or on an own key such as an order's number; `metrics.Metrics` say what the
names mean, `reviews.Reviews` put traces before people. What leaves: `Feedback`, for a
rollout's evidence, rates with intervals, and corrections joined with the
question they answer, for the next dataset. Feedback goes through the spool like
every record: `sink` is what the recorder writes it with.
"""

from volano.feedback.keeper import Correction, Feedbacks
from volano.feedback.metric import Metric
from volano.feedback.record import Feedback
from volano.feedback.tables import sink

__all__ = ["Correction", "Feedback", "Feedbacks", "Metric", "sink"]
