"""LiteLLM's proxy configuration, read: https://docs.litellm.ai/docs/proxy/configs."""

from volano.adapters.gateways.litellm.config import read

__all__ = ["read"]
