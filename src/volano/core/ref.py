"""A Ref is how people name an artifact: `faq@3`, `faq:stable`, `faq@sha256:ab12…`, `faq`.

A bare name means the newest version. Names are NFC text in any language:
letters with their marks (`हिन्दी`), digits, and `._-/` between them, at most
100 characters.
"""

import re
import unicodedata
from dataclasses import dataclass

from volano.core.errors import InvalidError
from volano.core.text import nfc

_NAME = re.compile(r"\w(?:[\w.\-/]{0,98}\w)?")
_LABEL = re.compile(r"[^\W\d](?:[\w.\-]{0,62}\w)?")
_UNSEEN = re.compile("[\u034f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_NUMBER = re.compile(r"[0-9]{1,10}")
_PREFIX = re.compile(r"sha256:[0-9a-f]{6,64}")


_LABELS = (
    "A label begins with a letter; letters, digits and `._-` follow, at most 64 characters. "
    "A version is named by `name:label` or `name@3`."
)


class BadRefError(InvalidError):
    """`{text}` is not a name of an artifact."""

    hint = "Write `name@3`, `name:label`, `name@sha256:ab12cd…` or just `name` for the newest."


@dataclass(frozen=True, slots=True)
class Ref:
    """A name, and at most one of: a number, a label, the beginning of a digest."""

    name: str
    number: int | None = None
    label: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: "str | Ref") -> "Ref":
        """Read a Ref from its text form.

        Raises:
            BadRefError: the text fits none of the four forms.
        """
        if isinstance(text, Ref):
            return text
        name, at, version = nfc(text).partition("@")
        if at:
            if _NUMBER.fullmatch(version) and 0 < int(version) < 2**31:
                return cls(check_name(name), number=int(version))
            if _PREFIX.fullmatch(version):
                return cls(check_name(name), digest=version)
            raise BadRefError(text=text[:120])
        name, colon, label = name.partition(":")
        return cls(check_name(name), label=check_label(label) if colon else None)

    def __str__(self) -> str:
        if self.number is not None:
            return f"{self.name}@{self.number}"
        if self.digest is not None:
            return f"{self.name}@{self.digest}"
        return f"{self.name}:{self.label}" if self.label else self.name


def check_name(name: str) -> str:
    """Return the name in NFC.

    Raises:
        BadRefError: empty, too long, or with characters a name cannot have.
    """
    name = nfc(name)
    if not _NAME.fullmatch(_bare(name)) or len(name) > 100 or ".." in name or "//" in name:
        raise BadRefError(text=name[:120])
    return name


def check_label(label: str) -> str:
    """Return the label in NFC.

    Raises:
        BadRefError: empty, too long, or starting with a digit.
    """
    label = nfc(label)
    if not _LABEL.fullmatch(_bare(label)) or len(label) > 64:
        raise BadRefError(f"`{label[:120]}` is not a label.", hint=_LABELS)
    return label


def _bare(text: str) -> str:
    """Take off the marks that letters bear; what cannot be seen or bears nothing stays."""
    if text.isascii() or _UNSEEN.search(text) or unicodedata.category(text[0])[0] == "M":
        return text
    return "".join(char for char in text if unicodedata.category(char)[0] != "M")
