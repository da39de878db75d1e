"""Scan: what is found in a text, each place once, in time that grows with the text and no faster."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from volano.core.plugins import Registry
from volano.core.ports.mask import Detect
from volano.data.pii.numbers import CARD, NATIONAL, PHONE, Numbers
from volano.data.pii.secrets import secrets
from volano.traces.mask import DETECTORS as SEEN_IN_TRACES

Place = tuple[str, int, int]

COUNTRIES = ("hu", "de", "ru", "cn", "us")
DETECTORS: Registry[Detect] = Registry("detector")
"""What finds other kinds (names, addresses): a package or a higher room puts its own in by name."""

_IBAN_MAY_BE = re.compile(r"\d\d(?<=[A-Za-z]{2}\d\d)[ \u00a0-]?[A-Za-z0-9]{4}")
_IPV4 = re.compile(r"(?<![\w.-])(?<!\bv )\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}+:[0-9A-Fa-f:]{2,40}+(?:\.\d{1,3}){0,3}(?![\w:])")
_COLONS = re.compile(r":[0-9A-Fa-f]{0,4}+:")
_VERSION = re.compile(r"(?:version|verzió|версия|版本|\bv\.?)\s?\Z", re.IGNORECASE)
_DIGIT = re.compile(r"\d")


class Found(NamedTuple):
    """A place in a text: first character, and the one behind the last."""

    kind: str
    start: int
    end: int


def _emails(text: str) -> Iterator[Place]:
    if "@" in text or "\uff20" in text:
        yield from (("email", *place) for place in SEEN_IN_TRACES["email"](text))


def _ibans(text: str) -> Iterator[Place]:
    if _IBAN_MAY_BE.search(text):
        yield from (("iban", *place) for place in SEEN_IN_TRACES["iban"](text))


def _secrets(text: str) -> Iterator[Place]:
    return (("secret", *place) for place in secrets(text))


def _addresses(text: str) -> Iterator[Place]:
    """Addresses of the Internet; not those that every machine has (loopback, masks), nor versions."""
    if "." in text:
        for found in _IPV4.finditer(text):
            if _telling(found.group()) and not _VERSION.search(text, max(0, found.start() - 10), found.start()):  # fmt: skip
                yield "ip", *found.span()
    if _COLONS.search(text):
        for found in _IPV6.finditer(text):
            said = found.group().rstrip(":") if not found.group().endswith("::") else found.group()
            if said.count(":") >= 3 and _telling(said):
                yield "ip", found.start(), found.start() + len(said)


def _telling(said: str) -> bool:
    try:
        address = ipaddress.ip_address(said)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or said.startswith("255."))


_ALONE: Mapping[str, Callable[[str], Iterator[Place]]] = {
    "secret": _secrets, "email": _emails, "iban": _ibans, "ip": _addresses,
}  # fmt: skip
KINDS = ("secret", "email", "iban", CARD, NATIONAL, "ip", PHONE)
"""What is found without others' detectors; what comes first wins where two overlap."""


class Scan:
    """Finds some kinds in texts. `countries` are those whose numbers are known by their form."""

    def __init__(self, kinds: Iterable[str] = KINDS, countries: Sequence[str] = COUNTRIES):
        wanted = tuple(kinds)
        self._alone = [find for kind, find in _ALONE.items() if kind in wanted]
        of_digits = frozenset(wanted) & {CARD, NATIONAL, PHONE}
        self._numbers = Numbers(of_digits, tuple(countries)) if of_digits else None
        self._others = {kind: DETECTORS.get(kind) for kind in wanted if kind not in KINDS}
        self._rank = {kind: at for at, kind in enumerate((*KINDS, *self._others))}

    def __call__(self, text: str) -> list[Found]:
        """Return what is found, from left to right; of places that overlap, the one they make together."""
        places: list[Place] = []
        for find in self._alone:
            places += find(text)
        if self._numbers and _DIGIT.search(text):
            places += self._numbers(text)
        for kind, detect in self._others.items():
            places += ((kind, start, end) for start, end in detect(text))
        return self._apart(places) if places else []

    def _apart(self, places: list[Place]) -> list[Found]:
        found: list[Found] = []
        for kind, start, end in sorted(places, key=lambda place: (place[1], -place[2])):
            if not found or start >= found[-1].end:
                found.append(Found(kind, start, end))
                continue
            last = found[-1]
            kind = min(kind, last.kind, key=self._rank.__getitem__)
            found[-1] = Found(kind, last.start, max(end, last.end))
        return found
