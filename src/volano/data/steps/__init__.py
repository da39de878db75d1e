"""The steps that ours bring; each file registers its own in `STEPS`."""

from volano.data.steps import near_dedup

__all__ = ["near_dedup"]
