"""PII: what names, numbers or unlocks a person is masked, counted, or a reason to leave the row out."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from volano.core.plugins import UnknownPluginError
from volano.data.column import as_words, check_name, check_one_of, rewritten
from volano.data.errors import BadStepError
from volano.data.pii import COUNTRIES, DETECTORS, KINDS, Placeholders, Scan, fingerprint
from volano.data.pii.placeholders import replaced
from volano.data.step import STEPS, Notes, Record

ACTIONS = ("mask", "drop", "count")
LEAST_SALT_CHARS = 16


@STEPS.register("pii")
@dataclass(frozen=True, slots=True)
class Pii:
    """Masks addresses, numbers and secrets by pattern and checksum (`<EMAIL_1>`, the same for the same value in a row).

    `columns`: texts, or conversations with texts in them. `find`: some of `secret`, `email`, `iban`, `card`,
    `national_id`, `ip`, `phone`, and kinds that others bring. `action`: `mask`, `drop` the row, or `count` only.
    `countries`: whose national numbers and phones are known by form (`hu`, `de`, `ru`, `cn`, `us`). `into`: a column for
    the counts by kind. `salt_env`: the environment variable with a salt; placeholders are then pseudonyms, the same in
    all rows. `salt_id` is set by itself and tells one salt from another. Rows that are dropped are shown masked.
    """

    name: ClassVar[str] = "pii"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    columns: tuple[str, ...] = ("text",)
    find: tuple[str, ...] = KINDS
    action: str = "mask"
    countries: tuple[str, ...] = COUNTRIES
    into: str = ""
    salt_env: str = ""
    salt_id: str = ""

    def __post_init__(self) -> None:
        for setting in ("columns", "find", "countries"):
            words = as_words(self.name, setting, getattr(self, setting))
            object.__setattr__(self, setting, words)
        for column in self.columns or ("",):
            check_name(self.name, "columns", column)
        check_one_of(self.name, "action", self.action, ACTIONS)
        for country in self.countries:
            check_one_of(self.name, "countries", country, COUNTRIES)
        try:
            Scan(self.find)
        except UnknownPluginError as error:
            why = f"{error.message} Known: {', '.join((*KINDS, *DETECTORS))}"
            raise BadStepError(step=self.name, setting="find", why=why) from None
        salt_id = fingerprint(self._salt()) if self.salt_env else ""
        if self.salt_id and self.salt_id != salt_id:
            why = f"{self.salt_env} holds another salt now"
            raise BadStepError(step=self.name, setting="salt_id", why=why)
        object.__setattr__(self, "salt_id", salt_id)

    def apply(self, rows: Iterable[Record], notes: Notes, _: Any = None) -> Iterator[Record]:
        """Yield the rows, masked or counted; with `drop` only those in which nothing was found."""
        scan, salt = Scan(self.find, self.countries), self._salt()
        for row in rows:
            counts: Counter[str] = Counter()
            for column in self.columns:
                if column not in row:
                    notes.change(f"no column {column}")
            masked = self._masked(row, scan, Placeholders(salt), counts)
            if counts and self.action == "drop":
                said = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
                notes.drop({**row, **masked}, "personal data or secrets", said)
                continue
            for kind in counts:
                notes.change(kind)
            if self.action == "mask":
                row.update(masked)
            if self.into:
                row[self.into] = dict(sorted(counts.items()))
            yield row

    def _masked(
        self, row: Record, scan: Scan, instead: Placeholders, counts: Counter[str]
    ) -> Record:
        def masked(text: str) -> str:
            if not (found := scan(text)):
                return text
            counts.update(one.kind for one in found)
            return replaced(text, found, instead)

        return {column: rewritten(row[column], masked) for column in self.columns if column in row}

    def _salt(self) -> bytes:
        if not self.salt_env:
            return b""
        salt = os.environ.get(self.salt_env, "")
        if len(salt) < LEAST_SALT_CHARS:
            why = (
                f"the environment needs {self.salt_env} with {LEAST_SALT_CHARS} characters or more"
            )
            raise BadStepError(step=self.name, setting="salt_env", why=why)
        return salt.encode("utf-8", "surrogateescape")
