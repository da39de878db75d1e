"""The money of one call: held before its target is asked, settled when it is over.

    account.hold(call, way, body)    True: kept back, ask now. False: not yet
    account.heard = True             the target may charge from now on
    account.heard = False            it answered with an error, or never heard of it
    account.lose()                   it heard of it and vanished: another is asked
    account.close(call)              the call is over

A try that was heard and of which nothing came back is taken to cost what it was
held for, and so is an answer that broke off before its usage was told: the
provider may have written to the end. So what is spent is never more than what
was held, but for what a provider runs by itself (searches, code) and charges beyond
the words that it was sent and allowed.
"""

from volano.core.errors import VolanoError
from volano.core.money import Money
from volano.costs.price import HELD, Price, cost
from volano.costs.purse import Hold, Later, Spent
from volano.gateway import errors as no
from volano.gateway.bound import Bound, bound
from volano.gateway.budgets import Covering
from volano.gateway.call import Call
from volano.gateway.passage import usage_of
from volano.gateway.routes import Way
from volano.wire.exchange import Usage

_NONE = Bound(0)


class Account:
    """What a call holds and spends, over all tries."""

    __slots__ = ("_bound", "_hold", "_known", "_lost", "_past", "_price", "heard", "until")

    def __init__(self) -> None:
        self._hold: Hold | None = None
        self._past: list[Hold] = []
        self._lost = 0
        self._bound = _NONE
        self._price: Price | None = None
        self._known: tuple[Way, bytes, Bound] | None = None
        self.heard = False
        self.until = 0.0
        """When waiting for room ends, by the loop's clock."""

    def hold(self, call: Call, way: Way, body: bytes) -> bool:
        """Keep back what asking this target can cost. False: there may be room in a moment.

        Raises:
            BudgetSpentError: there is no room.
            UnpricedError, UnboundedError, BadBodyError: it is not known what to keep back.
        """
        state, key = call.state, call.key
        assert key is not None
        if self._hold is not None:
            self._let_go(call)
        covering = state.budgets.of(key, call.channel)
        price = self._price = way.target.pricing
        if not covering or (price is None and way.target.engine):
            return True
        if price is None:
            raise no.UnpricedError(
                model=way.target.model, target=way.target.name, subject=_subjects(covering),
                code="price_unknown",
            )  # fmt: skip
        known = self._known  # asked again and again while it waits for room
        if known is not None and known[0] is way and known[1] is body:
            found = known[2]
        else:
            found = bound(call, price, body)
            self._known = way, body, found
        if found.nano is None:
            subject = _subjects(covering)
            raise no.UnboundedError(subject=subject, param="max_tokens", code="cost_unbounded")
        if found.nano == 0:
            return True
        pockets = state.budgets.pockets(covering, price.currency)
        if not pockets:
            subject = _subjects(covering)
            raise no.UnpricedError(
                f"The price of `{way.target.model}` is in {price.currency}, and the budget of "
                f"{subject} is in another currency.",
                model=way.target.model, target=way.target.name, subject=subject,
                code="price_unknown",
            )  # fmt: skip
        assert state.budgets.purse is not None
        held = state.budgets.purse.hold(pockets, found.nano, call.began_us)
        if isinstance(held, Later):
            return False
        if isinstance(held, Spent):
            name = next((a for a in covering if a.slot.budget == held.budget), covering[0])
            raise no.BudgetSpentError(
                subject=f"{name.kind}:{name.name}",
                bound=Money(found.nano, price.currency),
                code="insufficient_quota",
            )
        self._hold, self._bound = held, found
        generations = held.generations
        call.held = [*dict.fromkeys([*call.held, *generations])] if call.held else generations
        call.held_nano = self._lost + held.nano
        call.cost_currency, call.priced_by = price.currency, price.source
        return True

    def waited(self, call: Call) -> VolanoError:
        """Return what a call is told that waited for room in vain."""
        assert call.key is not None
        covering = call.state.budgets.of(call.key, call.channel)
        return no.BudgetBusyError(subject=_subjects(covering), code="budget_busy")

    def lose(self) -> None:
        """The try is over without an answer. If it was heard, it may have been charged."""
        if self.heard and self._hold is not None:
            self._past.append(self._hold)
            self._lost += self._hold.nano
            self._hold = None
        self.heard = False

    def close(self, call: Call, ended_us: int) -> None:
        """Tell the call what it cost, and spend that. Once."""
        purse, price = call.state.budgets.purse, self._price
        actual = 0
        if self.heard and price is not None:
            usage = _whole(call)
            if usage is None:
                actual = self._bound.nano or 0
            else:
                duration = ended_us - call.began_us
                images = self._bound.images
                actual = cost(price, usage, images=images, duration_us=duration)
                call.usage = usage
            if usage is None or self._lost:
                call.priced_by = HELD
        if call.held:
            call.cost_nano = self._lost + actual
        if purse is not None:
            for hold in self._past:
                purse.settle(hold, hold.nano)
            if self._hold is not None:
                purse.settle(self._hold, actual)

    def _let_go(self, call: Call) -> None:
        """What was kept back for a target that was never charged is free for the next one."""
        hold, self._hold, self._bound = self._hold, None, _NONE
        if hold is not None:
            assert call.state.budgets.purse is not None
            call.state.budgets.purse.cancel(hold)
            call.held_nano = self._lost


def _whole(call: Call) -> Usage | None:
    """The usage of a whole answer. Of one that broke off, what was told is not all."""
    if call.outcome != "ok":
        return None
    if call.usage is None and not call.streamed:
        return usage_of(call.response)
    return call.usage


def _subjects(covering: Covering) -> str:
    return ", ".join(f"{a.kind}:{a.name}" for a in covering[:3])
