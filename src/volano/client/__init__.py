"""Client: the light SDK. It needs nothing but the standard library, and nothing before its first use.

Enters: what an application does (`trace`, `session`), what people say of it (`feedback`), and
what it asks for (`prompt`). Leaves: OTLP to `/v1/traces`, feedback and questions to
`/api/v1`. Calls of a model go through any OpenAI-compatible client; `span.headers` make
them children of the span. `Client` is the part that answers and raises; the rest works
in the background and never does either.
"""

from importlib import import_module

TYPE_CHECKING = False  # as `typing` has it; importing that takes longer than all of this
if TYPE_CHECKING:
    from typing import Any

    from volano.client.ambient import configure, feedback, flush, prompt
    from volano.client.client import Client
    from volano.client.prompts import Prompt
    from volano.client.steps.step import trace
    from volano.client.tracing.scope import session
    from volano.client.tracing.span import Span, current_span

_WHERE = {
    "Client": "client",
    "Prompt": "prompts",
    "Span": "tracing.span",
    "configure": "ambient",
    "current_span": "tracing.span",
    "feedback": "ambient",
    "flush": "ambient",
    "prompt": "ambient",
    "session": "tracing.scope",
    "trace": "steps.step",
}

__all__ = [
    "Client", "Prompt", "Span", "configure", "current_span", "feedback", "flush", "prompt",
    "session", "trace",
]  # fmt: skip


def __getattr__(name: str) -> "Any":
    if name in _WHERE:
        found = getattr(import_module(f"volano.client.{_WHERE[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'volano.client' has no attribute {name!r}")
