"""Views: filters over traces, saved under a name, for everyone who looks."""

import unicodedata
from dataclasses import asdict, dataclass

from sqlalchemy import BigInteger, Column, Table, Text, delete, insert, select

from volano.core.clock import Clock
from volano.core.principal import Principal
from volano.core.text import nfc
from volano.store.db import Database
from volano.store.ledger import Ledger
from volano.store.metadata import METADATA
from volano.traces.errors import BadViewNameError, EmptyViewError, UnknownViewError
from volano.traces.filter import parse, spell

trace_views = Table(
    "trace_views",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("where", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("saved_us", BigInteger, nullable=False),
    Column("saved_by", Text, nullable=False),
)

MAX_NAME = 80
MAX_TEXT = 400


@dataclass(frozen=True, slots=True)
class View:
    """A saved filter (`where`) and words (`text`); either may be empty."""

    name: str
    where: str
    text: str
    saved_us: int
    saved_by: str


ViewList = list[View]


class Views:
    """The saved views of one workspace."""

    def __init__(self, db: Database, ledger: Ledger, clock: Clock):
        self._db, self._ledger, self._clock = db, ledger, clock

    def save(self, name: str, *, where: str = "", text: str = "", by: Principal) -> View:
        """Save a filter under a name; a view of this name is replaced.

        Raises:
            BadViewNameError, EmptyViewError: as they say.
            FilterError, FilterTooLongError: the filter cannot be read.
        """
        node = parse(where)
        view = View(
            _name(name), "" if node is None else spell(node), nfc(text.strip())[:MAX_TEXT],
            self._clock.now_us(), str(by),
        )  # fmt: skip
        if not view.where and not view.text:
            raise EmptyViewError()
        with self._db.write() as conn:
            conn.execute(delete(trace_views).where(trace_views.c.name == view.name))
            conn.execute(insert(trace_views).values(**asdict(view)))
            content = {"where": view.where, "text": view.text}
            self._ledger.append("save-view", _subject(view.name), (), content, by=by, conn=conn)
        return view

    def list(self) -> ViewList:
        """Return all views, by name."""
        with self._db.read() as conn:
            rows = conn.execute(select(trace_views).order_by(trace_views.c.name)).all()
        return [View(*row) for row in rows]

    def show(self, name: str) -> View:
        """Return a view.

        Raises:
            UnknownViewError: there is none of this name.
        """
        with self._db.read() as conn:
            row = conn.execute(select(trace_views).where(trace_views.c.name == nfc(name))).first()
        if row is None:
            raise UnknownViewError(view=ascii(name)[1:-1][:MAX_NAME])
        return View(*row)

    def remove(self, name: str, *, by: Principal) -> View:
        """Forget a view; what it showed stays.

        Raises:
            UnknownViewError: there is none of this name.
        """
        view = self.show(name)
        with self._db.write() as conn:
            conn.execute(delete(trace_views).where(trace_views.c.name == view.name))
            self._ledger.append("remove-view", _subject(view.name), (), {}, by=by, conn=conn)
        return view


def _subject(name: str) -> str:
    return f"view/{name}"


def _name(given: str) -> str:
    name = nfc(given.strip())
    hidden = any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in name)
    if not name or len(name) > MAX_NAME or hidden:
        raise BadViewNameError(name=ascii(given)[1:-1][:MAX_NAME], most=MAX_NAME)
    return name
