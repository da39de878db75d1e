"""Values of other formats become JSON values, and it is counted what that changed."""

import base64
import math
from collections import Counter
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from volano.core.canon import MAX_SAFE_INTEGER


class Plainly:
    """Makes values plain; `changed` counts what became something else, by column."""

    def __init__(self) -> None:
        self.changed: Counter[tuple[str, str]] = Counter()

    def value(self, value: Any, column: str) -> Any:
        """Return the value as JSON knows it."""
        if value is None or isinstance(value, str | bool):
            return value
        if isinstance(value, int):
            return (
                value
                if abs(value) <= MAX_SAFE_INTEGER
                else self._said(column, "a large number became text", str(value))
            )
        if isinstance(value, float):
            return (
                value if math.isfinite(value) else self._said(column, "no number became null", None)
            )
        if isinstance(value, dict):
            return {str(name): self.value(item, column) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item, column) for item in value]
        return self._other(value, column)

    def notes(self) -> tuple[str, ...]:
        """Return what was changed, as sentences."""
        return tuple(
            f"Column `{column}`: {what} ({n} times)."
            for (column, what), n in sorted(self.changed.items())
        )

    def _other(self, value: Any, column: str) -> Any:
        if isinstance(value, bytes):
            text = base64.b64encode(value).decode()
            return self._said(column, "bytes became base64", text)
        if isinstance(value, datetime | date | time):
            return self._said(column, "a time became text", value.isoformat())
        if isinstance(value, timedelta):
            return self._said(column, "a duration became seconds", value.total_seconds())
        if isinstance(value, Decimal):
            return self._said(column, "a decimal became text", str(value))
        return self._said(column, f"a {type(value).__name__} became text", str(value))

    def _said(self, column: str, what: str, value: Any) -> Any:
        self.changed[column, what] += 1
        return value
