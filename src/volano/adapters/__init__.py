"""Adapters: the outside world, one file per vendor, behind the ports of the rooms below."""
