"""Asking both sides: the same rows in alternation (base, change, change, base, ...), in one flight.

A machine or a provider that is slow for a while is slow for both then. What is known from before
or recorded is not asked again; where both sides say the same to the same model, one answers for
both. In a measurement of time all is asked anew.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from volano.ci.party import Party
from volano.ci.recordings import Recorded, key_of
from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.costs.price import cost
from volano.evals import money
from volano.evals.answered import Answered
from volano.evals.asking import ask_all, line
from volano.evals.case import Case
from volano.evals.errors import NoPriceError
from volano.evals.flight import Landed, Line, Question, Standing, Terms
from volano.evals.journal import Journal
from volano.evals.pace import Pace, Patience
from volano.evals.suite import Suite
from volano.wire.exchange import Usage

Known = Callable[[str], Answered | None]
Key = tuple[str, int]
NEW, OLD = "b", "a"


@dataclass(frozen=True)
class Asked:
    """The answers of both sides in the order of rows and repetitions; `old` without a base is empty."""

    cases: Sequence[Case]
    new: Sequence[Answered]
    old: Sequence[Answered]
    recorded: Sequence[Recorded]
    asked: int
    known: int


@dataclass(frozen=True)
class Sheet:
    """The questions of one check: cases with the words of the new side, and the parties."""

    suite: Suite
    cases: Sequence[Case]
    parties: Mapping[str, Party]
    said: Mapping[str, Sequence[Sequence[Mapping[str, Any]]]]
    timed: bool = False

    @classmethod
    def of(
        cls, suite: Suite, cases: Sequence[Case], parties: Mapping[str, Party], *, timed: bool
    ) -> "Sheet":
        """Say every row as each party will be asked it."""
        said = {side: [party.prompt.render(case.text) for case in cases]
                for side, party in parties.items()}  # fmt: skip
        worded = [one.but(messages=tuple(words))
                  for one, words in zip(cases, said[NEW], strict=True)]  # fmt: skip
        return cls(suite, worded, parties, said, timed)

    def keys(self) -> dict[tuple[str, str, int], str]:
        """Return the digest of every question, by side, row and repetition."""
        return {
            (side, case.id, n): key_of(party.who, party.settings, words, n)
            for side, party in self.parties.items()
            for case, words in zip(self.cases, self.said[side], strict=True)
            for n in range(self.suite.repetitions)
        }

    def questions(self) -> Iterator[Question]:
        """Yield the questions, the sides in alternation: first one, then the other begins."""
        sides = [side for side in (OLD, NEW) if side in self.parties]
        turn = 0
        for n in range(self.suite.repetitions):
            for at, case in enumerate(self.cases):
                for side in sides if turn % 2 == 0 else sides[::-1]:
                    yield Question(side + case.id, self.said[side][at], n)
                turn += 1

    def digest(self) -> str:
        """Name all that is asked, so that a journal of another is not taken up."""
        return str(
            Digest.of(canonical(sorted("".join((*k[:2], v)) for k, v in self.keys().items())))
        )


class Alternating:
    """A line that sends each side's questions over a line of its own."""

    def __init__(self, lines: Mapping[str, Line]):
        self._lines = lines

    def open(self, loop: asyncio.AbstractEventLoop, landed: Landed) -> None:
        """Get all lines ready."""
        for one in self._lines.values():
            one.open(loop, landed)

    def send(self, question: Question) -> None:
        """Send one question over the line of its side."""
        self._lines[question.id[0]].send(question)

    def close(self) -> None:
        """Let everything go."""
        for one in self._lines.values():
            one.close()


def ask(
    sheet: Sheet, folder: Path, *, known: Known, lost: Known, patience: Patience,
    tell: Callable[[Standing], None],
) -> Asked:  # fmt: skip
    """Return what both sides answered.

    `known` gives what needs no asking; `lost` what a question comes to that must not be asked.

    Raises:
        UnavailableError, MoneySpentError, JournalWriteError: as in `ask_all`.
    """
    keys = sheet.keys()
    found = {at: one for at, key in keys.items() if (one := known(key))}
    first: dict[str, tuple[str, str, int]] = {}
    if not sheet.timed:
        for at in sorted(keys, key=lambda one: one[0] != NEW):
            first.setdefault(keys[at], at)
    asks = [
        q for q in sheet.questions()
        if sheet.timed or first[keys[at := _at(q)]] == at or at in found
    ]  # fmt: skip
    for q in asks:
        if _at(q) not in found and (one := lost(keys[_at(q)])):
            found[_at(q)] = one
    todo = [q for q in asks if _at(q) not in found]
    if todo:
        fresh = _flown(sheet, asks, found, folder, patience, tell)
        found |= {(side_id[0], side_id[1:], n): one for (side_id, n), one in fresh.items()}
    whole = {
        at: _as(one, at, sheet) for at in keys if (one := found.get(at) or found[first[keys[at]]])
    }
    ordered = [(case.id, n) for n in range(sheet.suite.repetitions) for case in sheet.cases]
    old = [whole[OLD, *at] for at in ordered] if OLD in sheet.parties else []
    recorded = [Recorded(keys[at], one) for at, one in whole.items()]
    return Asked(
        sheet.cases, [whole[NEW, *at] for at in ordered], old, recorded, len(todo),
        len(keys) - len(todo),
    )  # fmt: skip


def _at(q: Question) -> tuple[str, str, int]:
    return q.id[0], q.id[1:], q.repetition


def _flown(
    sheet: Sheet, asks: Sequence[Question], found: Mapping[tuple[str, str, int], Answered],
    folder: Path, patience: Patience, tell: Callable[[Standing], None],
) -> dict[Key, Answered]:  # fmt: skip
    limits = sheet.suite.limits
    sides = {one.id[0] for one in asks if _at(one) not in found}
    known = {(q.id, q.repetition): found[_at(q)] for q in asks if _at(q) in found}
    parties = {side: sheet.parties[side] for side in sorted(sides)}
    terms = Terms(
        limits.concurrency, Pace(limits.requests_per_minute),
        replace(patience, tries=limits.tries), _spending(sheet.suite, parties),
        max_tokens=max(int(one.settings["max_tokens"]) for one in parties.values()),
        seed=sheet.suite.seed,
    )  # fmt: skip
    with ExitStack() as stack:
        lines = {
            side: line(
                stack.enter_context(one.open()), one.settings,
                concurrency=limits.concurrency, timeout_s=limits.timeout_s,
            )
            for side, one in parties.items()
        }  # fmt: skip
        journal = stack.enter_context(
            Journal(folder / "answers.jsonl", {"questions": sheet.digest()})
        )
        return ask_all(
            asks, Alternating(lines), journal, terms, tell=tell, known=known,
            whom=lambda q: sheet.parties[q.id[0]].who,
        )  # fmt: skip


def _spending(suite: Suite, parties: Mapping[str, Party]) -> money.Spending:
    """Return what counts money; both sides at the dearer price, so that no limit is passed.

    Raises:
        NoPriceError: there is a limit, and a side without a price in its currency.
    """
    if not suite.limits.money:
        return money.Spending(None)
    most = money.parse(suite.limits.money)
    prices = []
    for one in parties.values():
        if one.price is None or one.price.currency != most.currency:
            raise NoPriceError(money=most, on=one.who)
        prices.append(one.price)
    return money.Spending(max(prices, key=lambda p: cost(p, Usage(input=1000, output=1000))), most)


def _as(one: Answered, at: tuple[str, str, int], sheet: Sheet) -> Answered:
    """Return an answer as that of this row, at its side's price."""
    price = sheet.parties[at[0]].price
    counted = price is not None and one.prompt_tokens is not None and one.error is None
    paid, currency = None, ""
    if counted and price is not None:
        usage = Usage(input=one.prompt_tokens or 0, output=one.completion_tokens or 0)
        paid, currency = cost(price, usage), price.currency
    return one.but(id=at[1], repetition=at[2], cost_nano=paid, currency=currency)
