"""Client: what a program says to volano beside its model calls."""

import uuid
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from volano.client.errors import NoTraceError
from volano.client.prompts import Prompt, Prompts
from volano.client.tracing.span import Span, current_span
from volano.client.wire import Wire


class Client:
    """Speaks to one volano server. Keep one for the whole program; threads may share it.

        client = volano.Client(key="vk_...")
        client.feedback(trace_id, value=0, correction="refund")
        client.prompt("support", label="production").render(input=question)

    The trace id of an answer stands in its header `x-volano-trace`.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:7070",
        *,
        key: str | None = None,
        timeout_s: float = 10.0,
        prompts_file: str | None = None,
    ):
        """Nothing is sent before the first verb.

        Prompts that were read are kept in `prompts_file`, so that a program can begin while
        the server is away.

        Raises:
            BadAddressError, BadKeyError: address or key cannot be used.
        """
        self._wire = Wire(base_url, key, timeout_s)
        self._prompts = Prompts(self._wire, prompts_file)

    def feedback(
        self,
        trace: "str | Span | None" = None,
        *,
        metric: str = "correct",
        value: float | bool | str | None = None,
        comment: str | None = None,
        correction: str | None = None,
        name: str | None = None,
    ) -> dict[str, Any]:
        """Say how good an answer was; return the feedback as the server keeps it.

        `trace` is a trace's id or a span; without it, the trace that runs here now. `metric`
        (or `name`, its older word) is what is judged. `value` runs from 0 (bad) to 1 (good);
        `correction` is the right answer. When this returns, the server has it on its disk.

        Raises:
            NoTraceError: no trace was given, and none runs here.
            VolanoError: with the server's message and hint: `InvalidError`,
                `UnauthenticatedError`, `ForbiddenError`, `TooLargeError`;
                `UnavailableError` when it does not answer: then try again later.
        """
        said = {"name": name or metric, "value": value}
        said |= {"comment": comment, "correction": correction}
        return self._wire.post(
            f"/api/v1/traces/{quote(trace_of(trace), safe='')}/feedback",
            {key: what for key, what in said.items() if what is not None},
            {"idempotency-key": str(uuid.uuid4())},
        )

    def prompt(
        self,
        name: str,
        *,
        label: str | None = None,
        version: int | None = None,
        fallback: str | None = None,
    ) -> Prompt:
        """Return a prompt: by label, by version, or the newest.

        client.prompt("support", label="production")      # or "support:production"
        client.prompt("support", version=3)               # or "support@3"

        What a label names is looked up every 60 seconds at most, ahead of time in the
        background, so that this seldom waits. While the server is away the last one that was
        read goes on; a label that was removed, or a key that was revoked, ends with its 60 seconds.
        A version never changes, and is read once. `fallback` is the template to take where there is nothing.

        Raises:
            NotFoundError: there is no such prompt, version or label.
            UnauthenticatedError, ForbiddenError: this key may not read it, any more.
            VolanoError: as the server says it, or `UnreachableError`, where none was read before.
        """
        return self._prompts.get(name, label=label, version=version, fallback=fallback)

    def forget(self) -> None:
        """Let go of connections that belong to the process this one was forked from."""
        self._wire.forget()
        self._prompts.forget()

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._wire.base_url!r})"


def trace_of(trace: "str | Span | None") -> str:
    """Return the id of a trace: given, of a span, or of what runs here now.

    Raises:
        NoTraceError: none was given, and none runs here.
    """
    if trace is None:
        trace = current_span()
    if not isinstance(trace, Span):
        return str(trace)
    if not trace.trace_number:
        raise NoTraceError
    return trace.trace_id
