"""What a model costs now, and how much it can read, wherever it is asked."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from volano.core.clock import Clock
from volano.core.errors import NotFoundError, VolanoError
from volano.costs.keeper import Costs
from volano.costs.price import Price, Rates
from volano.gateway.targets import Targets
from volano.models.pointer import Entry, is_far, pool_of
from volano.serving.spec import MOST_CONTEXT
from volano.store.artifact import Artifact
from volano.traces.trace import Trace

FREE = Price(Rates(0, 0))
"""What one of our own models costs that has no price."""


class Quotes:
    """Prices and context windows of this moment. `model_of` finds a model by its ref."""

    def __init__(
        self, costs: Costs, targets: Targets, model_of: Callable[[str], Artifact], clock: Clock
    ):
        self._costs = costs
        self._targets = targets
        self._model_of = model_of
        self._clock = clock

    def at(self, target: str, model: str) -> Price | None:
        """Return what a model costs at a target; an engine of ours has the provider `engine`.

        Raises:
            NotFoundError: there is no such target.
        """
        book, now = self._costs.book(), self._clock.now_us()
        if not target:
            return book.find(model, at_us=now, provider="engine")
        found = self._targets.resolve(target, model)
        return book.find(model, at_us=now, target=target, provider=found.provider, url=found.url)

    def known(self, model: Artifact) -> Price | None:
        """Return what a model costs at the first place where it is asked; None where nobody knows."""
        pool = pool_of(model)
        entry = pool.entries[0] if pool else None
        try:
            if entry and entry.target:
                return self.at(entry.target, entry.model)
            return self.at("", model.ref)
        except VolanoError:
            return None

    def of(self, model: Artifact) -> Price | None:
        """Return a model's price; one of our own without a price costs nothing."""
        return self.known(model) or (None if is_far(model) else FREE)

    def rates(self, model: Artifact) -> Mapping[str, Any] | None:
        """Return what a model costs, as plain values; None where nothing is known."""
        price = self.known(model)
        return None if price is None else msgspec.to_builtins(price)

    def of_pin(self, ref: str, digest: str) -> Price | None:
        """Return the price of a pinned model: ours by its digest, another's as `target:model`."""
        if digest:
            return self.at("", ref) or FREE
        target, _, model = ref.partition(":")
        return self.at(target, model)

    def of_call(self, call: Trace) -> Price | None:
        """Return what the model of a recorded call costs now."""
        if not call.target:
            return self.at("", call.model) or FREE
        try:
            return self.at(call.target, call.model)
        except NotFoundError:  # the target is gone: so is its price
            return None

    def window(self, model: Artifact) -> int | None:
        """Return how many tokens a model can read and write at once, wherever it is asked.

        Of a pool it is the smallest; None where that of one place is not known.
        """
        pool = pool_of(model)
        if pool is None and is_far(model):
            return None
        if pool is None:
            return min(int(model.manifest.meta.get("context_length", 512)), MOST_CONTEXT)
        found = [self._window_at(entry) for entry in pool.entries]
        return None if None in found else min(one for one in found if one is not None)

    def _window_at(self, entry: Entry) -> int | None:
        if entry.target is None:
            return self.window(self._model_of(entry.model))
        try:
            price = self.at(entry.target, entry.model)
        except VolanoError:
            return None
        return price.context if price else None
