"""The end of a call's account: what it used is counted, what it held is given back."""

from msgspec.structs import replace

from volano.gateway.call import Call
from volano.gateway.passage import usage_of
from volano.wire.exchange import Usage

_NOTHING = Usage()
BROKEN = ("cut", "left")
"""Outcomes of an answer that began, or could have, and was not whole."""


def reckon(call: Call) -> None:
    """Say what a stream that broke off used so far: as it was told, else guessed.

    The tokens of the prompt may be told as the stream begins; else four bytes of the
    request count as one. Each piece counts as a token of the answer. What a plain answer
    had used when it broke off nobody knows: it stays unknown.
    """
    told = call.usage
    if not call.streamed or (told is not None and (told.output or not call.produced)):
        return
    known = told or call.opening or Usage(input=_guessed(call))
    call.usage = replace(known, output=max(known.output, call.produced))
    call.estimated = True


def _guessed(call: Call) -> int:
    return len(call.body) // 4


def settle(call: Call) -> None:
    """Count what the call used instead of what was guessed; free its place. Once."""
    granted, admission = call.granted, call.state.admission
    assert granted is not None
    usage = call.usage or used(call)
    admission.settle(granted, usage.input + usage.output)
    admission.release(granted)


def used(call: Call) -> Usage:
    """Return the tokens of a call: as the upstream told, else guessed from what passed.

    A call that no upstream answered used none. Of an answer that broke off before
    its usage was told, each piece counts as a token, and four bytes of the request.
    """
    if call.usage is None and call.outcome == "ok" and not call.streamed:
        call.usage = usage_of(call.response)
    if call.usage is not None:
        return call.usage
    if call.outcome in ("refused", "error"):
        return _NOTHING
    return Usage(input=_guessed(call), output=call.produced)
