"""Executors beyond this machine, one file per vendor, behind the port in `volano.data.recipe.executor`."""
