"""Configurations of other gateways, read: one vendor a folder."""

from volano.adapters.gateways.litellm import read as litellm
from volano.gateway.setup import Reader

READERS: dict[str, Reader] = {"litellm": litellm}
"""By the word that `volano gateway import …` takes."""

__all__ = ["READERS"]
