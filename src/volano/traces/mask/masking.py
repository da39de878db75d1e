"""Masking: calls and spans, masked by the rules of this moment, before anything is made of them.

What is read out of a call (its texts, tags) is read out of what is left. Where a rule fails or
takes too long, all that was said in this call or span is withheld; its times, counts and cost stay.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from volano.core.ports.mask import Detect
from volano.traces.errors import WithheldError
from volano.traces.frame import Begin, Call
from volano.traces.mask.bodies import mask_body
from volano.traces.mask.detectors import DETECTORS
from volano.traces.mask.rule import MaskRule, Where, read_rules
from volano.traces.mask.texts import Texts
from volano.traces.mask.values import Named, changed, texts_of

log = logging.getLogger(__name__)

WITHHELD = "withheld"
Said = TypeVar("Said", bound=msgspec.Struct)
"""A span or a sender, as `traces.otlp` reads them."""
_TEXTS = ("name", "error", "input_text", "output_text")


class Masking:
    """Reads the rules from their file and applies them. The recorder's."""

    def __init__(self, path: Path, detectors: Mapping[str, Detect] = DETECTORS):
        self._path, self._detectors = path, detectors
        self._seen: tuple[int, int, int] | None = None
        self._rules: Sequence[MaskRule] = ()

    @property
    def active(self) -> bool:
        """Whether there is any rule."""
        return bool(self._rules)

    def refresh(self) -> None:
        """Read the rules anew where they changed. Before each look.

        Raises:
            OSError: they cannot be read; then nothing must be recorded, for it might have to be masked.
        """
        stat = os.stat(self._path)  # noqa: PTH116 - asked for every look
        seen = stat.st_mtime_ns, stat.st_ino, stat.st_size
        if seen != self._seen:
            try:
                self._rules = read_rules(self._path.read_bytes())
            except msgspec.DecodeError as error:
                raise OSError(f"the rules of masking in {self._path} cannot be read") from error
            self._seen = seen

    def call(self, call: Call) -> Call:
        """Return the call with what the rules hide. Raises: WithheldError."""
        return self._safely(self._call, call, call.channel)

    def begin(self, begin: Begin) -> Begin:
        """Return what began with what the rules hide, or without its content. Never raises."""
        try:
            return self._safely(self._call, begin, begin.channel)
        except WithheldError:
            return msgspec.structs.replace(begin, request=b"", tags={}, unit="", session="")

    def source(self, source: Said) -> Said:
        """Return a sender with what the rules hide, or a nameless one. Never raises."""
        try:
            return self._safely(self._source, source, "")
        except WithheldError:
            return msgspec.structs.replace(source, resource={}, scope={})

    def sent(self, sent: Said) -> Said:
        """Return a span with what the rules hide, or without its content. Never raises."""
        try:
            return self._safely(self._sent, sent, "")
        except WithheldError:
            return msgspec.structs.replace(
                sent, name=WITHHELD, attributes={"volano.tag.masking": WITHHELD}, events=[],
                links=[], message="", trace_state="",
            )  # fmt: skip

    def texts(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with its texts masked. Raises: WithheldError."""
        return self._safely(self._texts, row, row.get("channel", ""))

    def _safely(self, work: Any, said: Any, channel: str) -> Any:
        rules = [rule for rule in self._rules if rule.channel in ("", channel)]
        if not rules:
            return said
        try:
            return work(said, rules)
        except WithheldError as error:
            log.warning("What was said in a call or span is withheld: %s", error.message)
            raise
        except Exception as error:  # noqa: BLE001 - a detector may raise anything, and its words hold the text
            log.error(  # noqa: TRY400
                "What was said in a call or span is withheld: masking failed (%s).",
                type(error).__name__,
            )
            raise WithheldError(why="masking failed") from None

    def _call(self, call: Any, rules: list[MaskRule]) -> Any:
        of = _Parts(rules, self._detectors)
        response = getattr(call, "response", None)
        bodies: dict[str, Any] = {"request": of.body(call.request)}
        if response is not None:
            bodies |= {"response": of.body(response), "error": of.text("texts", call.error)}
        said = of.value({"tags": call.tags, "unit": call.unit, "session": call.session})
        return msgspec.structs.replace(call, **bodies, **_fields(said))

    def _source(self, source: Any, rules: list[MaskRule]) -> Any:
        of = _Parts(rules, self._detectors)
        resource, scope = of.value(source.resource), of.value(source.scope)
        return msgspec.structs.replace(source, resource=resource, scope=scope)

    def _sent(self, sent: Any, rules: list[MaskRule]) -> Any:
        of = _Parts(rules, self._detectors)
        made = of.value([sent.attributes, sent.events, sent.links, sent.message, sent.name])
        state = of.value({"trace_state": sent.trace_state})["trace_state"]
        return msgspec.structs.replace(
            sent, attributes=made[0], events=made[1], links=made[2], message=str(made[3]),
            name=str(made[4]), trace_state=state,
        )  # fmt: skip

    def _texts(self, row: dict[str, Any], rules: list[MaskRule]) -> dict[str, Any]:
        of = _Parts(rules, self._detectors)
        own = {name: row[name] for name in _TEXTS if row.get(name)}
        return row | {name: of.text("texts", text) for name, text in own.items()}


class _Parts:
    """The rules, by the part of one call or span that they hide in."""

    def __init__(self, rules: Sequence[MaskRule], detectors: Mapping[str, Detect]):
        self._rules, self._detectors = rules, detectors
        self._made: dict[Where, Texts] = {}

    def text(self, part: Where, text: str | None) -> str | None:
        return text and self._of(part).hide([text]).get(text, text)

    def body(self, body: bytes) -> bytes:
        return mask_body(body, self._of("bodies"), self._named("bodies"))

    def value(self, value: Any) -> Any:
        named = self._named("attributes")
        return changed(value, named, self._of("attributes").hide(texts_of(value, named, [])))

    def _of(self, part: Where) -> Texts:
        if part not in self._made:
            touching = [rule for rule in self._rules if rule.touches(part)]
            self._made[part] = Texts(touching, self._detectors)
        return self._made[part]

    def _named(self, part: Where) -> Named:
        rules = [r for r in self._rules if r.kind == "attribute" and r.touches(part)]
        exact = {r.pattern: r.replace for r in rules}
        begins = [(r.pattern[:-1], r.replace) for r in rules if r.pattern.endswith("*")]
        if not begins:
            return exact.get

        def named(name: str) -> str | None:
            found = exact.get(name)
            return found or next((to for begin, to in begins if name.startswith(begin)), None)

        return named


def _fields(said: dict[str, Any]) -> dict[str, Any]:
    """The three fields, whatever their names were hidden as; a tag is text."""
    tags, unit, session = said.values()
    if not isinstance(tags, dict):
        tags = {}
    return {
        "tags": {name: str(value) for name, value in tags.items()},
        "unit": str(unit), "session": str(session),
    }  # fmt: skip
