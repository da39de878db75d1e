"""Ports: the protocols by which a lower room asks for a higher power. One a file."""
