"""Client: the light SDK. It needs nothing but the standard library.

Calls of a model go through any OpenAI-compatible client. What those do not
know, such as feedback on an answer, is said through `Client`.
"""

from volano.client.client import Client

__all__ = ["Client"]
