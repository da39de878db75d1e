"""The steps that ours bring; each file registers its own in `STEPS`."""

from volano.data.steps import columns, labels

__all__ = ["columns", "labels"]
