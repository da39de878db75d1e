"""Providers: the APIs that models of others are asked through, one wire format a file.

Importing this package registers them all. A row of `compatible` is a vendor or a
server that speaks OpenAI's words; the others have words or keys of their own.
"""

from volano.adapters.providers import anthropic, azure, bedrock, compatible, gemini, openai
from volano.gateway.provider import PROVIDERS

__all__ = ["PROVIDERS", "anthropic", "azure", "bedrock", "compatible", "gemini", "openai"]
