"""Inside: our own port asked from this machine, as a client like any other.

So limits, budgets, guards and the record hold for what the console asks, too. The key is of
an hour, in the group of who asks, for this machine only, and never leaves memory.
"""

import secrets
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from volano.access.keeper import Keys
from volano.core.clock import Clock
from volano.core.lazy import lazy
from volano.core.principal import Principal
from volano.gateway.errors import NotUpError
from volano.serving.chat import COMPLETIONS, HttpChat

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = lazy("httpx2")

_LIVES = "1h"
_KEPT_US = 50 * 60 * 1_000_000
_CHAT_TIMEOUT_S = 120.0


class Inside:
    """Asks our own port. `name` is what the keys are called; `up` says whether anybody is there."""

    def __init__(
        self, name: str, *, keys: Keys, clock: Clock, address: str,
        up: Callable[[], object] = lambda: True,
    ):  # fmt: skip
        self._name = name
        self._keys = keys
        self._clock = clock
        self._address = address
        self._up = up
        self._texts: dict[str, tuple[str, int]] = {}
        self._lock = threading.Lock()

    def headers(self, group: str, by: Principal) -> dict[str, str]:
        """Return what says who asks."""
        return {
            "authorization": f"Bearer {self._key(group, by)}",
            "content-type": "application/json",
        }

    def client(self, timeout_s: float, headers: dict[str, str] | None = None) -> "httpx2.Client":
        """Return a client of our own port. Close it when done."""
        verify = _ourselves() if self._address.startswith("https") else False
        return httpx2.Client(
            base_url=self._address, timeout=timeout_s, verify=verify, headers=headers
        )

    @contextmanager
    def chat(self, channel: str, trace_id: str, what: str, by: Principal) -> Iterator[HttpChat]:
        """Open a chat with a channel. The call has this trace id and the tag that our name is, saying `what`.

        It is marked as a replay is: no evidence in a rollout; and no cache answers it.

        Raises:
            NotUpError: volano is not up here.
        """
        if not self._up():
            raise NotUpError
        headers = {
            **self.headers(by.group, by),
            "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01",
            "x-volano-unit": trace_id,
            "x-volano-replay": self._name,
            f"x-volano-tag-{self._name}": what.encode("ascii", "replace").decode(),
            "x-volano-cache": "off",
        }
        with self.client(_CHAT_TIMEOUT_S, headers) as client:
            yield HttpChat(client, f"the channel {channel}", COMPLETIONS, channel)

    def _key(self, group: str, by: Principal) -> str:
        """Return the text of a key of this group, made anew when it soon ends; kept in memory only."""
        with self._lock:
            text, until = self._texts.get(group, ("", 0))
            now = self._clock.now_us()
            if now >= until:
                _, text = self._keys.create(
                    self._name,
                    group=group,
                    scopes=("chat:*", "replay"),
                    ips=("127.0.0.0/8",),
                    expires=_LIVES,
                    by=by,
                )
                self._texts[group] = text, now + _KEPT_US
            return text


def _ourselves() -> ssl.SSLContext:
    """Return TLS to our own port on this machine: whoever holds it is who we started."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
