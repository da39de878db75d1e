"""A Limit: how much a key, a group or a channel may use.

    key/abcdefgh    group/acme/support    channel/support

Groups are nested: a call of a key in `acme/support` counts for `group/acme/support`
and for `group/acme`, and each of their limits holds. `rpm` and `tpm` are requests
and tokens in any span of 60 seconds, `concurrency` is calls at the same time.
"""

from dataclasses import asdict, dataclass
from typing import Any

from volano.access.errors import BadSubjectError
from volano.core.errors import VolanoError
from volano.core.ref import check_name

KINDS = ("key", "group", "channel")
MEASURES = ("rpm", "tpm", "concurrency")
MOST = 1_000_000_000
"""The largest limit: the counters' words hold more than four times of it."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What one subject may use; None is no limit. Times are microseconds UTC."""

    subject: str
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None
    updated_us: int = 0
    updated_by: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing is limited."""
        return self.rpm is None and self.tpm is None and self.concurrency is None

    @property
    def says(self) -> str:
        """The limit in words."""
        words = {"rpm": "requests/min", "tpm": "tokens/min", "concurrency": "calls at once"}
        found = [(getattr(self, name), text) for name, text in words.items()]
        return ", ".join(f"{n:,} {text}" for n, text in found if n is not None) or "no limit"

    def to_dict(self) -> dict[str, Any]:
        """Return the limit as plain values, and in words."""
        return {**asdict(self), "says": self.says}


def check_subject(text: str) -> str:
    """Return the subject in NFC; `vk_` before a key's id does no harm.

    Raises:
        BadSubjectError: not `key/…`, `group/…` or `channel/…`.
    """
    kind, _, name = text.partition("/")
    try:
        if kind in KINDS:
            return f"{kind}/{check_name(name.removeprefix('vk_') if kind == 'key' else name)}"
    except VolanoError as error:
        raise BadSubjectError(text=ascii(text)[1:-1][:120]) from error
    raise BadSubjectError(text=ascii(text)[1:-1][:120])


def subjects_of(key_id: str, group: str, channel: str) -> list[str]:
    """Return all whose limits hold for a call, the nearest first: key, group, its ancestors, channel."""
    found = [f"key/{key_id}"]
    while group:
        found.append(f"group/{group}")
        group = group.rpartition("/")[0]
    found.append(f"channel/{channel}")
    return found
