"""Drift: has the traffic moved since a pinned window, and what of it?

What enters: traces and feedback of two windows. What leaves: a `Look` with a
`Finding` for each signal and slice: drift, none, or insufficient evidence with
the size that would be needed; and for texts the topics that moved.

A `Reference` is a sample of calls, frozen as an artifact: ids and features, no
texts. `Watch` looks again every so often, in control.
"""

from volano.monitor.drift.finding import Finding, Look, State
from volano.monitor.drift.keeper import Drift
from volano.monitor.drift.reference import Reference

__all__ = ["Drift", "Finding", "Look", "Reference", "State"]
