"""A stream on its way to the client: what passes, what the trace keeps, how it ends.

Until the first content everything is held back: another target may still answer
instead. After it blocks pass as they come. The end is recorded before its last
bytes are written; a stream that broke off ends with the door's error event and
without an end, so that nobody takes it for a whole one.
"""

import msgspec

from volano.gateway.call import Call
from volano.gateway.mask import masked
from volano.gateway.passage import Passage, Piece, Translated
from volano.gateway.record import record
from volano.gateway.refusal import trace_headers
from volano.gateway.sentence import ended
from volano.gateway.snapshot import Target

_TAIL = 8 << 10
_MAX_HELD = 64 << 10
"""What is held back of a stream until its first content; then it passes whatever it is."""


class Stream(msgspec.Struct, eq=False):
    """One upstream's stream for one call. `spoken`: both sides speak the same dialect."""

    call: Call
    target: Target
    passage: Passage
    spoken: bool
    error: str = ""
    """What the upstream said went wrong."""
    parts: list[bytes] = []
    kept: int = 0
    tail: bytes = b""
    held: bytes = b""

    def feed(self, chunk: bytes) -> Piece:
        """Take what came; the upstream's error comes without our secrets.

        Raises:
            BrokenStreamError: it cannot be read any further.
        """
        piece = self.passage.feed(chunk)
        if not piece[3]:
            return piece
        out, content, last, error = piece
        self.error = masked(error.encode(), self.target).decode("utf-8", "replace")
        return masked(out, self.target), content, last, self.error

    def pass_on(self, out: bytes, *, now: bool) -> None:
        """Write this, or hold it back as long as there is nothing to show."""
        if now or self.call.request.started:
            self._write(self._all(out))
            return
        self.held += out
        if len(self.held) > _MAX_HELD:
            self._write(self._all(b""))

    def end(self, out: bytes, done: bytes) -> None:
        """The stream is complete. Record first; its end is the last thing the client gets."""
        call, last = self.call, self._all(out)
        self._begin_answer()
        whole = None
        if call.flight is not None and not self.tail:
            whole = b"".join((*self.parts, last, done))
        for block in (last, self.passage.aside):
            if block:
                self._keep(block)
        if self.error:
            call.request.write(last)
            self._record("cut", self.error)
            call.request.finish(close=True)
            return
        self._keep(done)
        kept = self._record("ok", None)
        if call.flight is not None:
            call.flight.over(whole if kept else None)
        if kept:
            call.request.finish(last + done)
        else:
            call.request.write(last)
            self._finish_with_error("the trace of this call could not be kept", "spool_full")

    def cut(self, why: str) -> None:
        """Something was passed on and the rest will not come."""
        told = bool(self.error) and self.spoken
        rest = self.passage.rest
        if rest:
            self._keep(masked(rest, self.target))
        self._record("cut", why)
        if told:
            self.call.request.finish(close=True)
        else:
            self._finish_with_error(f"The answer was cut off: {ended(why)}", "upstream_cut")

    def left(self) -> None:
        """The client is gone: tell the call what there was."""
        self.call.response = self._kept_bytes() + self.held
        self.count()

    def _all(self, out: bytes) -> bytes:
        """What was held back until now, and this."""
        held, self.held = self.held, b""
        return held + out if held else out

    def _write(self, block: bytes) -> None:
        if block:
            self._keep(block)
            self._begin_answer()
            self.call.request.write(block)

    def _begin_answer(self) -> None:
        call = self.call
        if not call.request.started:
            assert call.route is not None
            call.request.start(200, call.route.stream_head + trace_headers(call))

    def _finish_with_error(self, message: str, code: str) -> None:
        if isinstance(self.passage, Translated):
            last = self.passage.broken_off(message, code)
        else:
            number, trace = self.passage.number, self.call.trace
            last = self.call.door.stream_error(
                message, kind="server_error", code=code, number=number, request_id=trace
            )
        self.call.request.finish(last, close=True)

    def _record(self, outcome: str, error: str | None) -> bool:
        call = self.call
        call.status = 200
        call.outcome = outcome
        call.error = error
        call.response = self._kept_bytes()
        self.count()
        return record(call)

    def count(self) -> None:
        """Take over what the stream has told of its tokens so far."""
        call, passage = self.call, self.passage
        call.opening, call.usage, call.produced = passage.opening, passage.usage, passage.produced

    def _keep(self, block: bytes) -> None:
        """Keep the beginning for the trace, and the last few KB: usage stands there."""
        limit = self.call.state.limits.kept_bytes
        if self.kept + len(block) <= limit:
            self.kept += len(block)
            self.parts.append(block)
        else:
            self.kept = limit
            self.tail = (self.tail + block)[-_TAIL:]
            if self.call.flight is not None:
                self.call.flight.over(None)  # too long to be given again

    def _kept_bytes(self) -> bytes:
        tail = self.tail
        if len(tail) == _TAIL:  # begin at an event, not in the middle of one
            tail = tail[tail.find(b"\n\n") + 2 :]
        return b"".join(self.parts) + tail
