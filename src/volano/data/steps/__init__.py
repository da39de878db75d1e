"""The steps that ours bring; each file registers its own in `STEPS`."""

from volano.data.steps import decontaminate, exact_dedup, line_dedup, near_dedup, split

__all__ = ["decontaminate", "exact_dedup", "line_dedup", "near_dedup", "split"]
