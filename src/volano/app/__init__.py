"""The composition root: the only place that knows all rooms. `rooms` builds them, `app` runs them."""

from volano.app.app import App, NoTraceError

__all__ = ["App", "NoTraceError"]
