"""The contract of answers: which schema each release's prompt declares, and whether an answer keeps it."""

from collections.abc import Callable, Mapping
from typing import Any

from volano.core.schema import misfit
from volano.traces.trace import Trace

Schema = Mapping[str, Any] | None
SchemaOf = Callable[[str], Schema]
"""The schema of a release by its digest; None where its prompt declares none."""


class Contract:
    """Judges answers by what their release declares; by what the candidate does where it is silent."""

    def __init__(self, candidate: str, schema_of: SchemaOf):
        self._candidate, self._schema_of = candidate, schema_of
        self._known: dict[str, Schema] = {}

    def kept(self, trace: Trace) -> bool | None:
        """Return whether an answer keeps its schema; None where there is none, or no text is kept."""
        schema = self._of(trace.release_digest) or self._of(self._candidate)
        if schema is None or trace.output_text is None:
            return None
        return misfit(trace.output_text, schema) is None

    def _of(self, release: str) -> Schema:
        if release not in self._known:
            self._known[release] = self._schema_of(release) if release else None
        return self._known[release]
