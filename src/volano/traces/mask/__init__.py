"""Masking: what is hidden in calls and spans before they become rows.

Rules are data; control writes them to a file that the recorder reads before each look. What a
rule cannot get through in time, or fails at, is withheld: nothing is let through unseen.
"""

from volano.traces.mask.detectors import DETECTORS
from volano.traces.mask.masking import Masking
from volano.traces.mask.rule import MaskRule, write_rules

__all__ = ["DETECTORS", "MaskRule", "Masking", "write_rules"]
