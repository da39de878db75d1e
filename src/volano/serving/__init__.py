"""Serving: how a model's weights become something that answers.

What enters: a GGUF file and how to run it (`EngineSpec`), or the address of
anything that speaks OpenAI's chat completions. What leaves: a `Chat` port.
`open_chat` talks to an address; `engine` starts an own engine process for as
long as a block runs, and gives the chat with it. The gateway's long-lived
engines are children of the supervisor and start by the same `command`.
"""

from volano.serving.chat import HttpChat, open_chat
from volano.serving.errors import (
    BadAddressError,
    BadAnswerError,
    ChatRefusedError,
    ChatUnavailableError,
    EngineFailedError,
)
from volano.serving.process import engine
from volano.serving.spec import EngineSpec, command

__all__ = [
    "BadAddressError",
    "BadAnswerError",
    "ChatRefusedError",
    "ChatUnavailableError",
    "EngineFailedError",
    "EngineSpec",
    "HttpChat",
    "command",
    "engine",
    "open_chat",
]
