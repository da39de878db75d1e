"""Client: what a program says to volano beside its model calls."""

import uuid
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from volano.client.wire import Wire


class Client:
    """Speaks to one volano server. Keep one for the whole program; threads may share it.

        client = volano.Client(key="vk_...")
        client.feedback(trace_id, value=0, correction="refund")

    The trace id of an answer stands in its header `x-volano-trace`.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:7070",
        *,
        key: str | None = None,
        timeout_s: float = 10.0,
    ):
        """Nothing is sent before the first verb.

        Raises:
            BadAddressError, BadKeyError: address or key cannot be used.
        """
        self._wire = Wire(base_url, key, timeout_s)

    def feedback(
        self,
        trace_id: str,
        *,
        name: str = "correct",
        value: float | None = None,
        comment: str | None = None,
        correction: str | None = None,
    ) -> dict[str, Any]:
        """Say how good an answer was; return the feedback as the server keeps it.

        `value` runs from 0 (bad) to 1 (good); `correction` is the right answer.
        When this returns, the server has it on its disk.

        Raises:
            VolanoError: with the server's message and hint: `InvalidError`,
                `UnauthenticatedError`, `ForbiddenError`, `TooLargeError`;
                `UnavailableError` when it does not answer: then try again later.
        """
        said = {"name": name, "value": value, "comment": comment, "correction": correction}
        return self._wire.post(
            f"/api/v1/traces/{quote(str(trace_id), safe='')}/feedback",
            {key: what for key, what in said.items() if what is not None},
            {"idempotency-key": str(uuid.uuid4())},
        )

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
