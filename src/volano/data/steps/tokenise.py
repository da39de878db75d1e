"""Tokenise: texts become the ids of a tokenizer, whose file is part of what the step does."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from volano.data.column import check_name, check_number, text_in
from volano.data.errors import BadStepError
from volano.data.extra import needed
from volano.data.step import STEPS, Needs, Notes, Record, settings_of

BATCH = 256
FILE = "tokenizer.json"


@STEPS.register("tokenise")
@dataclass(frozen=True, slots=True)
class Tokenise:
    """Writes a text's token ids into a column (`tokens`). Nothing is cut off and nothing added.

    `tokenizer`: a `tokenizer.json`, or a folder that has one. Instead of it `model` names a model of this
    workspace, such as `router@3`, whose tokenizer is taken. `max_tokens`: rows with more
    are dropped; 0 is no limit. `digest` is set by itself: sha256 of the file, so that another tokenizer is another step.
    """

    name: ClassVar[str] = "tokenise"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    tokenizer: str = ""
    column: str = "text"
    into: str = "tokens"
    max_tokens: int = 0
    digest: str = ""
    model: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, "column", self.column)
        check_name(self.name, "into", self.into)
        check_number(self.name, "max_tokens", self.max_tokens, least=0, most=10**9, whole=True)
        if self.model and not self.tokenizer:
            return  # a recipe's Run or preview finds the file: `resolve`
        digest = hashlib.sha256(self._bytes()).hexdigest()
        if self.digest and self.digest != digest:
            why = f"{self.tokenizer} is not the file it was"
            raise BadStepError(step=self.name, setting="digest", why=why)
        object.__setattr__(self, "digest", digest)

    @classmethod
    def resolve(cls, settings: Mapping[str, Any], needs: Needs) -> dict[str, Any]:
        """Return the settings with the tokenizer's file of the model that they name.

        Raises:
            BadStepError: both a model and a tokenizer are named.
        """
        if not settings.get("model"):
            return dict(settings)
        if settings.get("tokenizer"):
            raise BadStepError(step=cls.name, setting="model", why="there is a `tokenizer` too")
        return {**settings, "tokenizer": str(needs.file_of(str(settings["model"]), FILE))}

    def known_by(self) -> dict[str, Any]:
        """Return the settings without where the file lies: its digest says which it is."""
        told = dict(settings_of(self))
        return {name: told[name] for name in ("column", "into", "max_tokens", "digest")}

    def apply(self, rows: Iterable[Record], notes: Notes, _: Any = None) -> Iterator[Record]:
        """Yield the rows with their ids.

        Raises:
            MissingExtraError: tokenizers is not installed.
            BadStepError: the file is no tokenizer.
        """
        tokenizer = self._loaded()
        texts = (
            (row, text) for row in rows if (text := text_in(row, self.column, notes)) is not None
        )
        while batch := list(islice(texts, BATCH)):
            sound = [text.encode("utf-8", "replace").decode() for _, text in batch]
            encoded = tokenizer.encode_batch_fast(sound, add_special_tokens=False)
            for (row, _text), one in zip(batch, encoded, strict=True):
                if self.max_tokens and len(one.ids) > self.max_tokens:
                    notes.drop(row, "too many tokens", f"{len(one.ids)}, at most {self.max_tokens}")
                    continue
                row[self.into] = one.ids
                yield row

    def _bytes(self) -> bytes:
        given = Path(self.tokenizer)
        path = given / FILE if given.is_dir() else given
        try:
            return path.read_bytes()
        except OSError as error:
            why = (
                f"{path} cannot be read ({error.strerror}); a {FILE} or the folder of one is needed"
            )
            raise BadStepError(step=self.name, setting="tokenizer", why=why) from None

    def _loaded(self) -> Any:
        tokenizers = needed("tokenizers", by="Tokenising", extra="train")
        data = self._bytes()
        if hashlib.sha256(data).hexdigest() != self.digest:
            why = f"{self.tokenizer} is not the file it was"
            raise BadStepError(step=self.name, setting="digest", why=why)
        try:
            tokenizer = tokenizers.Tokenizer.from_str(data.decode())
        except Exception as error:  # the library raises Exception itself
            why = f"{self.tokenizer} is no tokenizer: {error}"
            raise BadStepError(step=self.name, setting="tokenizer", why=why) from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer
