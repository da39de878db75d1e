"""Tracing: what an application does, told to volano without the application noticing.

In order: `trace` (`steps/`) opens a `Span`, what goes in and comes out is `taken` within
limits, the span is `put` into the `Outbox` when it ends, and one thread of its own packs
(`otlp.py`) and sends (`sender.py`) what waits there. The thread that runs the user's code
does no more than make the span; nothing that happens here is ever raised into it.
"""
