"""The steps that ours bring; each file registers its own in `STEPS`."""
