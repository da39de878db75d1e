"""Language: which language a text is in, how sure that is, and which languages stay.

py3langid looks at a text alone: the same text always gets the same answer,
in any thread. Its model is read once in a process, which takes about a second.
"""

import difflib
import functools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any, ClassVar

from volano.data.column import as_words, check_name, check_number, check_one_of, text_in
from volano.data.errors import BadStepError
from volano.data.extra import needed
from volano.data.step import STEPS, Notes, Record

UNKNOWN = "und"
"""BCP 47's word for a language that cannot be told."""
NOT_TEXT = "zxx"
"""BCP 47's word for what is in no language: numbers, code."""
CHINESE = frozenset(("cmn", "wuu", "yue", "nan", "gan", "hak"))
"""Kinds of Chinese (ISO 639-3); written text hardly tells them apart, so they count as `zh`."""
_LABELS = (
    "ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et eu ext fa "
    "fi fo fr fuv fy ga gcf gcr gd gl gom grc gu gug guw ha hbo he hi hr ht hu hy id ig is it ja jv ka "
    "kab kik kk km kn ko ku ky la lb lg lij ln lo lt ltg lv mg mk ml mn mr ms mt my ne nl nn no nso oc om "
    "or pa pcm pl ps pt qu ro ru rw sa sdh se si sk sl sn so sq sr st sv sw ta te tg th tk tl tr tt ug uk "
    "ur uz uzs vec vi vo wa wuu xh yo yue zh zu"
)
KNOWN = frozenset(_LABELS.split())
"""The languages that py3langid 0.4 can tell (ISO 639); here, so that a recipe is checked where it is not installed."""
_CODE = re.compile(r"[a-z]{2,3}")
_LOADING = Lock()


@STEPS.register("language")
@dataclass(frozen=True, slots=True)
class Language:
    """Writes the language of a text into a column (`de`; `und` when it cannot be told), and keeps some.

    `keep` lists the languages that stay, by their codes in ISO 639 (`de`, `yue`); empty: all. `min_confidence`
    is the least probability of a language, `min_chars` the least letters of a text for which one is told.
    `unsure` says whether rows whose language cannot be told `keep` on or `drop` out. `among` narrows down what may
    come at all, which helps with short texts. Of a long text `look` characters are looked at: from its
    beginning, middle and end. Wu, Yue and others count as `zh` unless they are named.
    """

    name: ClassVar[str] = "language"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    column: str = "text"
    into: str = "language"
    keep: tuple[str, ...] = ()
    among: tuple[str, ...] = ()
    min_confidence: float = 0.5
    min_chars: int = 10
    unsure: str = "keep"
    look: int = 600

    def __post_init__(self) -> None:
        check_name(self.name, "column", self.column)
        check_name(self.name, "into", self.into)
        check_number(self.name, "min_confidence", self.min_confidence, least=0, most=1)
        check_number(self.name, "min_chars", self.min_chars, least=0, most=10_000, whole=True)
        check_number(self.name, "look", self.look, least=30, most=1_000_000, whole=True)
        check_one_of(self.name, "unsure", self.unsure, ("keep", "drop"))
        for setting in ("keep", "among"):
            words = as_words(self.name, setting, getattr(self, setting))
            object.__setattr__(self, setting, words)
            if odd := [word for word in words if not _CODE.fullmatch(word)]:
                why = f"`{odd[0]}` is no code of a language, such as hu, de or yue"
                raise BadStepError(step=self.name, setting=setting, why=why)
            self._check_known(setting, words)
        if UNKNOWN in self.keep and self.unsure == "drop":
            why = f"`{UNKNOWN}` cannot stay and, by `unsure: drop`, go"
            raise BadStepError(step=self.name, setting="keep", why=why)
        if self.among and (odd := sorted(set(self.keep) - {*self.among, UNKNOWN, NOT_TEXT})):
            why = f"{', '.join(odd)} is not among {', '.join(self.among)}"
            raise BadStepError(step=self.name, setting="keep", why=why)

    def apply(self, rows: Iterable[Record], notes: Notes, _: Any = None) -> Iterator[Record]:
        """Yield the rows in the languages that are kept.

        Raises:
            MissingExtraError: py3langid is not installed.
        """
        model = self._model()
        for row in rows:
            if (text := text_in(row, self.column, notes)) is None:
                continue
            language, sure = self._told(model, text)
            if language == UNKNOWN and self.unsure == "drop":
                notes.drop(row, "cannot tell the language", f"{sure:.2f}")
            elif self.keep and language not in self.keep and language != UNKNOWN:
                notes.drop(row, "another language", f"{language} {sure:.2f}")
            else:
                row[self.into] = language
                yield row

    @classmethod
    def teller(cls) -> Callable[[str], str]:
        """Return what tells the language of a text as the step does by default: `de`, `zh`, `und`.

        Raises:
            MissingExtraError: py3langid is not installed.
        """
        step = cls()
        model = step._model()
        return lambda text: step._told(model, text)[0]

    def _told(self, model: Any, text: str) -> tuple[str, float]:
        text = _seen(text, self.look)
        if sum(map(str.isalpha, text)) < self.min_chars and not _telling(text):
            return UNKNOWN, 0.0
        language, sure = model.classify(text)
        if sure < self.min_confidence or language == NOT_TEXT:
            return UNKNOWN, float(sure)
        if language in CHINESE and language not in (*self.keep, *self.among):
            language = "zh"
        return str(language), float(sure)

    def _check_known(self, setting: str, words: tuple[str, ...]) -> None:
        known = KNOWN | {UNKNOWN, NOT_TEXT} if setting == "keep" else KNOWN
        for word in sorted(set(words) - known):
            near = ["zh"] if word in CHINESE else difflib.get_close_matches(word, KNOWN, 3, 0.5)
            meant = f"; nearest are {', '.join(near)}" if near else ""
            why = f"no text is told to be in `{word}`{meant}"
            hint = f"Known are {', '.join(sorted(known))}."
            raise BadStepError(step=self.name, setting=setting, why=why, hint=hint)

    def _model(self) -> Any:
        with _LOADING:
            return _loaded(self.among)


@functools.cache
def _loaded(among: tuple[str, ...]) -> Any:
    """Return a model of our own, which gives probabilities, and which nobody else narrows down."""
    langid = needed("py3langid.langid", by="Telling languages")
    model = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    if among:
        model.set_languages(among)
    return model


def _seen(text: str, look: int) -> str:
    if len(text) <= look:
        return text
    part, middle = look // 3, len(text) // 2
    return f"{text[:part]}\n{text[middle - part // 2 : middle + part // 2]}\n{text[-part:]}"


def _telling(text: str) -> bool:
    """Whether a text says much with few characters: Han, kana and Hangul do."""
    return any("\u3040" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3" for char in text)
