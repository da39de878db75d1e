"""The end of a call's account: what it used is counted, what it held is given back."""

from volano.gateway.call import Call
from volano.gateway.passage import usage_of
from volano.wire.exchange import Usage

_NOTHING = Usage()


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
    return Usage(input=len(call.body) // 4, output=call.produced)
