"""What an application says without holding a client: `volano.feedback`, `prompt`, `flush`, `configure`."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from volano.client.process import PROCESS
from volano.client.tracing.span import Span, current_span

if TYPE_CHECKING:
    from volano.client.prompts import Prompt


def feedback(
    trace: "str | Span | None" = None,
    *,
    metric: str = "correct",
    value: float | bool | str | None = None,
    comment: str | None = None,
    correction: str | None = None,
) -> None:
    """Say how good an answer was, in the background; without `trace`, that of what runs here now.

    Never raises and never waits: what the server refuses is a warning in the log. Where that
    must be known, `Client.feedback` says it.
    """
    try:
        found = current_span() if trace is None else trace
        if isinstance(found, Span):
            found = found.trace_id if found.trace_number else ""
        if not found:
            PROCESS.complain("feedback was given on no trace: give `trace=`")
            return
        said = {"trace": str(found), "name": metric, "value": value}
        said |= {"comment": comment, "correction": correction}
        size = sum(len(text) for text in said.values() if isinstance(text, str))
        PROCESS.note({name: what for name, what in said.items() if what is not None}, size)
    except Exception as error:  # noqa: BLE001 - never the host's trouble
        PROCESS.complain(f"feedback could not be taken: {type(error).__name__}")


def prompt(
    name: str,
    *,
    label: str | None = None,
    version: int | None = None,
    fallback: str | None = None,
) -> "Prompt":
    """Return a prompt as `Client.prompt` does, of the server that `VOLANO_URL` names.

    Raises:
        VolanoError: as `Client.prompt`; not with a `fallback`.
    """
    return PROCESS.client().prompt(name, label=label, version=version, fallback=fallback)


def flush(timeout_s: float = 5.0) -> bool:
    """Send now what waits; return whether all of it arrived within the time. Never raises.

    For programs whose end comes without a goodbye: functions that a platform freezes,
    workers that are killed. At an ordinary end it is done by itself, for two seconds at most.
    """
    try:
        return PROCESS.flush(timeout_s)
    except Exception:  # noqa: BLE001 - never the host's trouble
        return False


def configure(
    *,
    url: str | None = None,
    key: str | None = None,
    tracing: bool | None = None,
    service: str | None = None,
    release: str | None = None,
    environment: str | None = None,
    sample: float | None = None,
    capture: bool | None = None,
    redact: Callable[[str, Any], Any] | None = None,
    prompts_file: str | None = None,
) -> None:
    """Say in code what the environment does not; what is left out stays as it is.

    `redact(attribute, value)` sees everything before it is sent, in the sending thread, and
    returns what goes in its place; if it raises, nothing goes. Attributes are `input`, `output`
    or of any other name; values are texts, numbers, lists, and objects with text keys.
    """
    setup = PROCESS.setup
    how = _given(
        service=service, release=release, environment=environment, on=tracing,
        sample=sample, capture=capture, redact=redact,
    )  # fmt: skip
    others = _given(url=url, key=key, prompts_file=prompts_file)
    PROCESS.configure(replace(setup, tracing=replace(setup.tracing, **how), **others))


def _given(**said: Any) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}
