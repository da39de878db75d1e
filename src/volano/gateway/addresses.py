"""Addresses: where models are asked, with which keys, at which price, now.

A model is an engine of ours, a pointer to a provider's model, or a pool of such; an entry of a pool
that cannot be asked is left out and told.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import structs

from volano.core.clock import Clock
from volano.core.digest import Digest
from volano.core.errors import VolanoError
from volano.costs.keeper import Costs
from volano.costs.price import cost
from volano.gateway import snapshot as shape
from volano.gateway.engines import Engines
from volano.gateway.targets import Targets
from volano.models.pointer import Entry, pointer_of, pool_of
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.wire.exchange import Usage

_TYPICAL = Usage(input=1000, output=250)
"""The call by whose cost targets are compared."""
Tell = Callable[[str, Exception, str], None]
"""Says once what (first) is wrong, and what becomes of it (third)."""


class Addresses:
    """Looks up where models are asked; each time anew, for that is operations."""

    def __init__(
        self,
        catalog: Catalog,
        targets: Targets,
        engines: Engines,
        *,
        costs: Costs | None,
        clock: Clock,
        environment: Mapping[str, str],
        tell: Tell,
    ):
        self._catalog = catalog
        self._targets = targets
        self._engines = engines
        self._costs = costs
        self._clock = clock
        self._environment = environment
        self._tell = tell

    def of(self, model: Artifact) -> tuple[shape.Target, ...]:
        """Return where a model is asked. An entry of a pool that cannot be is left out, and told.

        Raises:
            VolanoError: it can be asked nowhere; the last reason.
        """
        pool = pool_of(model)
        if pool is None:
            return tuple(map(self._priced, self._at(model)))
        found: list[shape.Target] = []
        for entry in pool.entries:
            try:
                found += map(self._priced, self._of_entry(entry))
            except VolanoError as error:
                self._tell(f"{model.ref} at {entry}", error, "is left out")
                last = error
        if not found:
            raise last
        return tuple(found)

    def own(self, model: Artifact) -> list[Artifact]:
        """Return the models that need engines of ours, for this model to answer."""
        pool = pool_of(model)
        if pool is not None:
            digests = [Digest(entry.digest) for entry in pool.entries if entry.digest]
            return [self._catalog.by_digest(digest) for digest in digests]
        return [] if pointer_of(model) else [model]

    def keys(self, model: Artifact) -> Iterator[tuple[str, bool]]:
        """Yield the variables that a model's keys are in, and whether each is set.

        Of a target that has a key, here or in the vault, or may do without one, only those that are set.
        """
        pointer, pool = pointer_of(model), pool_of(model)
        if pointer is not None and pointer.key_env:
            yield pointer.key_env, not pointer.lacks(self._environment)
        for name in sorted(pool.targets) if pool else ():
            try:
                target = self._targets.get(name)
                named = self._targets.variables(target).items()
                well = not self._targets.resolve(name, model.name).lacks
                yield from ((variable, is_set) for variable, is_set in named if is_set or not well)
            except VolanoError as error:
                self._tell(f"{model.ref} at {name}", error, "is left out")

    def _priced(self, target: shape.Target) -> shape.Target:
        """Return a target with its price, as the book has it now."""
        if self._costs is None:
            return target
        book, provider, url = self._costs.book(), target.provider, target.url
        where = "" if target.engine else url
        pricing = book.find(
            target.model, at_us=self._clock.now_us(), target=target.name, provider=provider,
            url=where,
        )  # fmt: skip
        named = book.billed_as(target.model, provider=provider, url=where)
        typical = cost(pricing, _TYPICAL) if pricing else target.price
        return structs.replace(target, pricing=pricing, billed_as=named, price=typical)

    def _of_entry(self, entry: Entry) -> Iterator[shape.Target]:
        if entry.target is not None:
            found: Iterable[shape.Target] = (self._targets.resolve(entry.target, entry.model),)
        else:
            found = self._at(self._catalog.by_digest(Digest(entry.digest or "")))
        for one in found:
            yield structs.replace(one, weight=entry.weight, fallback=entry.fallback or one.fallback)

    def _at(self, model: Artifact) -> tuple[shape.Target, ...]:
        pointer = pointer_of(model)
        if pointer is None:
            return self._engines.targets(model)
        key = pointer.key(self._environment)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return (
            shape.Target(
                name=model.ref, url=pointer.origin, path=pointer.path, model=pointer.model,
                headers=headers, keys=(headers,) if headers else (),
                lacks=pointer.lacks(self._environment),
            ),
        )  # fmt: skip
