"""Costs: the verbs of what may be spent, and of what a model's price is."""

import threading
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Protocol, get_args

import msgspec
from sqlalchemy import insert, select, update

from volano.core.clock import Clock
from volano.core.ids import uuid7
from volano.core.money import Money
from volano.core.ports.publish import Publish
from volano.core.principal import Principal
from volano.core.text import nfc
from volano.costs import tables
from volano.costs.book import Book, OwnPrice, Shelf, nano
from volano.costs.budget import KINDS, Budget, Window, span
from volano.costs.errors import (
    BadAmountError,
    BadPriceError,
    BadSubjectError,
    NoBudgetError,
    TooManyBudgetsError,
)
from volano.costs.moment import DAY_US, moment, written
from volano.costs.price import Price, Rates, check
from volano.costs.purse import Allotment
from volano.costs.recorded import Recorded
from volano.costs.repricing import Reprice, encode
from volano.costs.treasury import Treasury
from volano.store.db import Database
from volano.store.ledger import Ledger
from volano.traces.frame import Kind
from volano.traces.keeper import Traces

MOST_BUDGETS = 500
"""Half the slots: when all windows end at once, the old slots rest while the new ones serve."""
_MOST_NANO = 1 << 60


class Frames(Protocol):
    """Control's spool."""

    def append(self, kind: int, payload: bytes) -> None:
        """Keep one frame. Raises: a VolanoError when it cannot."""
        ...

    def sync(self) -> None:
        """Return when it is on the disk."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget and where its window stands. `held` is 0 where no control runs.

    `empty` says when nothing is left if the subject goes on as in the last 24 hours;
    it is empty itself where the budget outlasts its window so, or nothing is spent.
    """

    id: str
    subject: str
    amount: Money
    window: str
    spent: Money
    held: Money
    left: Money
    until: str
    empty: str = ""


class Costs:
    """Prices and budgets of one workspace. Control `start`s it; then budgets hold."""

    def __init__(
        self,
        *,
        db: Database,
        ledger: Ledger,
        traces: Traces,
        spool: Path,
        run: Path,
        clock: Clock,
        publish: Publish,
        frames: Frames,
    ):
        self._db = db
        self._ledger = ledger
        self._traces = traces
        self._recorded = Recorded(traces, spool)
        self._run = run
        self._clock = clock
        self._publish = publish
        self._frames = frames
        self._shelf = Shelf(run / "prices.json")
        self._book: Book | None = None
        self._treasury: Treasury | None = None
        self._allotments: tuple[Allotment, ...] = ()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    # budgets

    def budgets(self) -> list[Standing]:
        """Return all budgets, and what is spent and held of each in its window of now."""
        now = self._clock.now_us()
        states = self._treasury.state() if self._treasury else {}
        found = []
        for budget in self._budgets():
            state = states.get(budget.id)
            start, end = span(budget.window, now)
            spent, held = (
                (state.spent, state.held) if state else (self._spent(budget, start, end), 0)
            )
            currency = budget.amount.currency
            left = budget.amount.nano - spent - held
            rate = self._spent(budget, now - DAY_US, now)
            found.append(
                Standing(
                    budget.id, f"{budget.kind}:{budget.name}", budget.amount, budget.window,
                    Money(spent, currency), Money(held, currency),
                    Money(left, currency),
                    "" if budget.window == "total" else written(end),
                    _empty(left, rate, now, end),
                )
            )  # fmt: skip
        return found

    def set_budget(
        self, subject: str, *, amount: str, window: str = "month", by: Principal
    ) -> Standing:
        """Let a subject spend no more than this in each window; replaces the amount it had.

        Raises:
            BadSubjectError, BadAmountError, TooManyBudgetsError: as they say.
        """
        kind, name = _subject(subject)
        money = _money(amount)
        if window not in get_args(Window):
            raise BadAmountError(amount=window, why="a window is day, week, month or total")
        now = self._clock.now_us()
        t = tables.budgets
        with self._db.write() as conn:
            same = (t.c.kind == kind, t.c.name == name, t.c.window == window)
            row = conn.execute(
                select(t.c.id).where(
                    *same, t.c.currency == money.currency, t.c.cleared_us.is_(None)
                )
            ).first()
            live = conn.execute(select(t.c.id).where(t.c.cleared_us.is_(None))).all()
            if row is None and len(live) >= MOST_BUDGETS:
                raise TooManyBudgetsError(most=MOST_BUDGETS)
            id_ = uuid7(now) if row is None else row.id
            if row is None:
                values = {
                    "id": id_, "kind": kind, "name": name, "window": window, "nano": money.nano,
                    "currency": money.currency, "created_us": now, "created_by": str(by),
                }  # fmt: skip
                conn.execute(insert(t).values(values))
            else:
                conn.execute(update(t).where(t.c.id == id_).values(nano=money.nano))
            content = {"subject": subject, "amount": str(money), "window": window}
            self._ledger.append("set", f"budget/{id_}", (), content, by=by, conn=conn)
        self._wish()
        return next(found for found in self.budgets() if found.id == id_)

    def clear_budget(self, id: str, *, by: Principal) -> dict[str, str]:  # noqa: A002
        """Let the subject of a budget spend without it.

        Raises:
            NoBudgetError: there is none.
        """
        t = tables.budgets
        live = (t.c.id == id, t.c.cleared_us.is_(None))
        with self._db.write() as conn:
            row = conn.execute(select(t).where(*live)).first()
            if row is None:
                raise NoBudgetError(id=id[:40])
            conn.execute(update(t).where(*live).values(cleared_us=self._clock.now_us()))
            self._ledger.append("clear", f"budget/{id}", (), {}, by=by, conn=conn)
        self._wish()
        return {"id": id, "subject": f"{row.kind}:{row.name}"}

    # prices

    def prices(self) -> list[dict[str, Any]]:
        """Return the owner's prices, the newest first; what providers list stands behind them.

        `more` says the rates besides input and output, as far as there are any.
        """
        return [
            {
                "where": f"target {own.target}" if own.target else own.provider,
                "model": own.model,
                "from": written(own.from_us),
                "input": _written_rate(own.price.rates.input),
                "output": _written_rate(own.price.rates.output),
                "more": _more(own.price),
                "currency": own.price.currency,
                "price": own.price,
            }
            for own in reversed(self.book().own)
        ]

    def set_price(
        self,
        model: str,
        *,
        target: str = "",
        provider: str = "",
        input: str = "0",  # noqa: A002
        output: str = "0",
        since: str = "",
        currency: str = "USD",
        second: str = "0",
        request: str = "0",
        more: dict[str, Any] | None = None,
        by: Principal,
    ) -> dict[str, Any]:
        """Say what a model costs from a moment on, at a target or at a provider.

        `input`, `output` and the rates in `more` (cached, cache_write, cache_write_1h,
        audio_input, reasoning, audio_output) are for a million tokens, `request` for a
        call, `second` for each second that a call lasts (own machines).

        Raises:
            BadPriceError, BadTimeError: as they say.
        """
        if bool(target) == bool(provider):
            raise BadPriceError(why="say either a target or a provider")
        now = self._clock.now_us()
        source = f"own price for {f'target {target}' if target else provider} {nfc(model)}"
        rates = {name: _rate(value) for name, value in (more or {}).items()}
        if unknown := rates.keys() - set(Rates.__struct_fields__):
            raise BadPriceError(why=f"there is no rate `{ascii(min(unknown))[1:-1][:40]}`")
        price = Price(
            Rates(**{"input": _rate(input), "output": _rate(output), **rates}),
            request=_rate(request), second=_rate(second), currency=currency, source=source,
        )  # fmt: skip
        try:
            check(price)
        except ValueError as error:
            raise BadPriceError(why=error) from error
        own = OwnPrice(nfc(model), price, target, provider, moment(since) if since else now)
        row = {
            "id": uuid7(now), "target": own.target, "provider": own.provider, "model": own.model,
            "from_us": own.from_us, "price": msgspec.json.encode(price).decode(),
            "set_us": now, "set_by": str(by),
        }  # fmt: skip
        content = {k: row[k] for k in ("target", "provider", "model", "from_us", "price")}
        with self._db.write() as conn:
            conn.execute(insert(tables.prices).values(row))
            self._ledger.append("set", f"price/{row['id']}", (), content, by=by, conn=conn)
        self._book = None
        self._shelf.write(self.book().own)
        self._publish()
        return {"model": own.model, "where": target or provider, "from": written(own.from_us)}

    def reprice(
        self, since: str, *, until: str = "", target: str = "", model: str = "", by: Principal
    ) -> dict[str, str]:
        """Give recorded calls the cost that the prices of now say; the recorder does it at once.

        Each call has the price of its own moment. Budgets count the new costs.

        Raises:
            BadTimeError: `since` or `until` is no moment.
        """
        start, now = moment(since), self._clock.now_us()
        end = moment(until) if until else now
        wish = Reprice(start, end, target, nfc(model))
        content = {"since": written(start), "until": written(end), "target": target, "model": model}
        with self._db.write() as conn:
            self._ledger.append("reprice", "costs", (), content, by=by, conn=conn)
        self._frames.append(Kind.REPRICE, encode(wish))
        self._frames.sync()
        return {"since": content["since"], "until": content["until"]}

    # between rooms

    def book(self) -> Book:
        """Return the book of prices as it is now."""
        if self._book is None:
            order = select(tables.prices).order_by(tables.prices.c.set_us, tables.prices.c.id)
            with self._db.read() as conn:
                rows = conn.execute(order).all()
            self._book = Book(
                OwnPrice(
                    r.model, msgspec.json.decode(r.price, type=Price), r.target, r.provider, r.from_us
                )
                for r in rows
            )  # fmt: skip
        return self._book

    def allotments(self) -> tuple[Allotment, ...]:
        """Return the budgets with their slots, for the workers' snapshot; none before `start`."""
        return self._allotments

    def start(self) -> None:
        """Make budgets hold from now on. Control only; before the first snapshot is published."""
        self._shelf.write(self.book().own)
        self._treasury = Treasury(self._run / "budgets.bin", self._recorded, self._clock)
        self._wish(tell=False)
        self._thread = threading.Thread(
            target=self._treasury.run, args=(self._stop, self._wish), name="budgets", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Grant nothing any more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)
        if self._treasury is not None:
            self._treasury.close()
            self._treasury = None

    def _wish(self, *, tell: bool = True) -> None:
        """Put the budgets of now before the treasury, and before the workers what is new of it."""
        if self._treasury is None:
            return
        budgets = self._budgets()
        slots = self._treasury.wish(budgets)
        found = tuple(Allotment(b.kind, b.name, slots[b.id]) for b in budgets)
        changed, self._allotments = found != self._allotments, found
        if changed and tell:
            self._publish()

    def _budgets(self) -> list[Budget]:
        t = tables.budgets
        order = select(t).where(t.c.cleared_us.is_(None)).order_by(t.c.kind, t.c.name, t.c.id)
        with self._db.read() as conn:
            rows = conn.execute(order).all()
        return [
            Budget(r.id, r.kind, r.name, Money(r.nano, r.currency), r.window, r.created_us)
            for r in rows
        ]

    def _spent(self, budget: Budget, start: int, end: int) -> int:
        return sum(
            row.nano
            for row in self._recorded.spend(start, end)
            if row.currency == budget.amount.currency
            and budget.covers(key_id=row.key_id, group=row.group, channel=row.channel)
        )


def _empty(left: int, day_nano: int, now_us: int, end_us: int) -> str:
    """Return when a budget is empty at this rate a day; nothing where its window ends before."""
    if left <= 0:
        return written(now_us)
    if day_nano <= 0:
        return ""
    at_us = now_us + left * DAY_US // day_nano
    return written(at_us) if at_us < min(end_us, now_us + 3650 * DAY_US) else ""


def _subject(text: str) -> tuple[Any, str]:
    kind, _, name = nfc(text).partition(":")
    if kind not in KINDS or not name or not name.isprintable() or len(name) > 200:
        raise BadSubjectError(subject=ascii(text)[1:-1][:120])
    return kind, name.removeprefix("vk_") if kind == "key" else name.strip("/")


def _money(text: str) -> Money:
    number, _, currency = text.strip().partition(" ")
    try:
        found = nano_of(number)
    except (InvalidOperation, ValueError) as error:
        raise BadAmountError(amount=ascii(text)[1:-1][:80], why=error or "no number") from error
    money = Money(found, currency or "USD")
    if not (len(money.currency) == 3 and money.currency.isascii() and money.currency.isupper()):
        raise BadAmountError(amount=ascii(text)[1:-1][:80], why="the currency is no ISO 4217 code")
    return money


def nano_of(text: str) -> int:
    """Return a decimal number in nano-units. Raises ValueError: it is none, or out of bounds."""
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError("it is no number") from error
    if not number.is_finite() or not 0 <= number <= _MOST_NANO // 10**9:
        raise ValueError("it is out of bounds")
    return nano(number)


def _rate(value: Any) -> int:
    try:
        return nano_of(str(value))
    except ValueError as error:
        raise BadPriceError(why=f"`{ascii(str(value))[1:-1][:40]}`: {error}") from error


def _more(price: Price) -> str:
    """Return all of a price besides input and output, in the words that it was said with."""
    known = {name: getattr(price.rates, name) for name in Rates.__struct_fields__[2:]}
    known |= {"request": price.request or None, "second": price.second or None}
    said = (f"{name} {_written_rate(n)}" for name, n in known.items() if n is not None)
    return ", ".join(said)


def _written_rate(rate: int) -> str:
    return str(Money(rate, "")).rstrip().rstrip("0").rstrip(".")
