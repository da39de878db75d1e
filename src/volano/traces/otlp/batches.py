"""Batches: spooled export requests are read into rows, some hundred at a time.

Where there is much, one thread reads the next batch while the other writes this
one: SQLite works without Python's lock, so that both have a core.
"""

import logging
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from volano.core.ports.annotate import Annotate
from volano.traces.frame import Spans
from volano.traces.mask.masking import Masking
from volano.traces.otlp import json, protobuf
from volano.traces.otlp.counted import Counted
from volano.traces.otlp.row import Base, SpanRows, UnfitError
from volano.traces.otlp.sent import Reading, Sent
from volano.wire.otlp.answers import JSON, PROTOBUF, MalformedError

log = logging.getLogger(__name__)

MAX_ROWS = 512
"""So many rows are held before they are written, and so many more are read meanwhile."""
MUCH_BYTES = 1 << 20
"""Less is read and written faster than a thread begins."""
MAX_PLAIN_BYTES = 64 << 20
"""No body is larger, unpacked: the door takes none."""
_GZIP_WINDOW = 31
UNREADABLE = (OverflowError, UnicodeEncodeError, TypeError, ValueError, RecursionError)
"""What a span of odd content raises when it is read."""


@dataclass(slots=True)
class Batch:
    """Rows, each with the span and the frame it is of; spans that cannot be one, and why."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    counted: Counted | None = None
    """None: they could not be counted, as one has a value of a strange kind; the table tells."""
    of: list[tuple[Sent, Spans]] = field(default_factory=list)
    aside: list[tuple[Sent, Spans, str]] = field(default_factory=list)


class Batches:
    """Reads frames of spans. One for each recorder: it remembers shapes of spans."""

    def __init__(self, annotate: Annotate | None = None, masking: Masking | None = None):
        self._rows = SpanRows(annotate, masking)
        self._read: Mapping[str, Callable[[bytes], Reading]] = {
            PROTOBUF: protobuf.Reader().read,
            JSON: json.read,
        }

    @contextmanager
    def of(self, frames: Sequence[Spans], unread: dict[int, str]) -> Iterator[Iterator[Batch]]:
        """Give the batches of these frames; `unread` is told which could not be read, and why."""
        batches = self._made_of(frames, unread)
        if sum(len(frame.body) for frame in frames) < MUCH_BYTES:
            yield batches
            return
        with ThreadPoolExecutor(1, "spans") as pool:
            yield _ahead(batches, pool)

    def _made_of(self, frames: Sequence[Spans], unread: dict[int, str]) -> Generator[Batch]:
        """Make them: this is passed by every span, so it is written flat."""
        batch, make, left_of = Batch(), self._rows.make, self._rows.left_of
        for n, frame in enumerate(frames):
            rows, of, aside, received_us = batch.rows, batch.of, batch.aside, frame.received_us
            try:
                body = _unzipped(frame.body) if frame.gzipped else frame.body
                for source, spans in self._read[frame.encoding](body):
                    base = self._rows.base(source, frame)
                    for whole in spans:
                        sent = left_of(whole)
                        try:
                            row = make(sent, base, received_us)
                        except Exception as error:  # noqa: BLE001 - told apart there
                            self._add_bare(batch, sent, base, frame, error)
                        else:
                            rows.append(row)
                            of.append((sent, frame))
                        if len(rows) + len(aside) >= MAX_ROWS:
                            yield _counted(batch)
                            batch = Batch()
                            rows, of, aside = batch.rows, batch.of, batch.aside
            except (MalformedError, KeyError) as error:
                unread[n] = str(error)
        yield _counted(batch)

    def _add_bare(
        self, batch: Batch, sent: Sent, base: Base, frame: Spans, error: Exception
    ) -> None:
        """Set aside what cannot be a row; where foreign code failed, the row shows nothing."""
        try:
            if isinstance(error, UnfitError):
                raise error
            log.error(
                "The span %s could not be annotated; it is written bare.",
                sent.span_id,
                exc_info=error,
            )
            row = self._rows.withheld(sent, base, frame.received_us)
        except UNREADABLE as why:
            batch.aside.append((sent, frame, str(why)))
        else:
            batch.rows.append(row)
            batch.of.append((sent, frame))


def _counted(batch: Batch) -> Batch:
    with suppress(TypeError, ValueError, OverflowError):
        batch.counted = Counted.of(batch.rows)
    return batch


def _ahead(batches: Iterator[Batch], pool: ThreadPoolExecutor) -> Iterator[Batch]:
    """Yield what a thread makes, always one ahead."""
    coming = pool.submit(next, batches, None)
    while (batch := coming.result()) is not None:
        coming = pool.submit(next, batches, None)
        yield batch


def _unzipped(body: bytes) -> bytes:
    found = bytearray()
    for part in _members(body):
        found += part
        if len(found) > MAX_PLAIN_BYTES:
            raise MalformedError("it is too large, unpacked")
    return bytes(found)


def _members(body: bytes) -> Iterator[bytes]:
    while body:
        member = zlib.decompressobj(_GZIP_WINDOW)
        try:
            yield member.decompress(body, MAX_PLAIN_BYTES + 1)
        except zlib.error as error:
            raise MalformedError(f"it is no gzip ({error})") from None
        body = member.unused_data
