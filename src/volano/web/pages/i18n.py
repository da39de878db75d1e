"""The console's words go through gettext, in Python as in templates.

With no catalog installed each text stands for itself. A catalog is chosen per
request with `use`; threads started by Starlette inherit it by context.

Extract the texts (Babel is a development tool, volano runs without it):

    pybabel extract -F locale/babel.cfg -o locale/console.pot src/volano/web
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from gettext import NullTranslations

_CURRENT: ContextVar[NullTranslations | None] = ContextVar("console_translations", default=None)


def gettext(message: str) -> str:
    """Return the text in the language of this request."""
    return (_CURRENT.get() or NullTranslations()).gettext(message)


def ngettext(one: str, many: str, n: int) -> str:
    """Return the text that fits the number, in the language of this request."""
    return (_CURRENT.get() or NullTranslations()).ngettext(one, many, n)


def N_(message: str) -> str:  # noqa: N802 - the name that extraction tools look for
    """Mark a text for extraction; it is translated where it is shown."""
    return message


@contextmanager
def use(translations: NullTranslations) -> Iterator[None]:
    """Speak with these translations inside the block."""
    token = _CURRENT.set(translations)
    try:
        yield
    finally:
        _CURRENT.reset(token)
