"""Carries out what another gateway's configuration asks for, and says what it could not.

First everything is looked at: which targets are there already, which are to be made,
which entries cannot be. Then it is made, in the words of the rooms: targets, keys in
the vault, models, signed releases, channels, limits, prices. Done again it makes
nothing twice. A dry run stops after the first part.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from volano.access.limits import Limits
from volano.core.digest import Digest
from volano.core.errors import InvalidError, VolanoError
from volano.core.plugins import Registry
from volano.core.principal import Principal
from volano.core.ref import check_name
from volano.costs.keeper import Costs, nano_of
from volano.gateway.drafts import Drafts
from volano.gateway.imported import Report
from volano.gateway.provider import Provider
from volano.gateway.setup import Opening, Place, Reader
from volano.gateway.targets import Targets
from volano.models.pointer import Entry, Pool, pool_of
from volano.releases.errors import OpenedOtherwiseError, UnknownChannelError
from volano.releases.keeper import Releases
from volano.releases.opener import Opener
from volano.store.catalog import Catalog

MAX_BYTES = 1 << 20


class NoReaderError(InvalidError):
    """Configurations of `{source}` cannot be read here."""

    hint = "These can: {known}."


class UnreadableFileError(InvalidError):
    """The file {path} cannot be read: {why}."""

    hint = "Name a file that the account of `volano up` may read."


@dataclass(frozen=True)
class Import:
    """One import under way."""

    drafts: Drafts
    report: Report
    by: Principal


class Importer:
    """Imports into one workspace. `readers` by the name of the gateway they know."""

    def __init__(
        self,
        *,
        readers: Mapping[str, Reader],
        providers: Registry[Provider],
        targets: Targets,
        catalog: Catalog,
        releases: Releases,
        opener: Opener,
        limits: Limits,
        costs: Costs,
        environment: Mapping[str, str] = os.environ,
    ):
        self._readers = readers
        self._providers = providers
        self._targets = targets
        self._catalog = catalog
        self._releases = releases
        self._opener = opener
        self._limits = limits
        self._costs = costs
        self._environment = environment

    def import_config(
        self,
        source: str,
        path: Path,
        *,
        dry_run: bool = False,
        plain_http: bool = False,
        by: Principal,
    ) -> dict[str, Any]:
        """Make of a configuration file what can be made of it; `dry_run` makes nothing.

        Keys that stand in the file go to the vault and nowhere else; names of
        variables stay names. `plain_http` lets new targets be asked by http outside of
        private networks.

        Raises:
            NoReaderError: the gateway is none that is known.
            UnreadableFileError, BadYamlError, NotLiteLLMError: as they say.
        """
        if source not in self._readers:
            raise NoReaderError(source=ascii(source)[1:-1][:40], known=", ".join(self._readers))
        setup = self._readers[source](_bytes_of(path), self._environment)
        drafts = Drafts(self._targets, self._providers, plain_http=plain_http)
        one = Import(drafts, Report.of(setup, str(path), dry_run=dry_run), by)
        possible = [found for asked in setup.openings if (found := _possible(asked, one))]
        if not dry_run:
            drafts.make(by=by)
        for draft in drafts.all():
            one.report.row("target", draft.target.name, drafts.says(draft), new=draft.new)
        for opening in possible:
            self._open(opening, one)
            self._limit(opening, one)
            self._price(opening, one)
        one.report.notes += drafts.notes()
        return one.report.to_dict()

    def _open(self, opening: Opening, one: Import) -> None:
        first = [place for place in opening.places if not place.fallback]
        at = [f"{one.drafts.name(place.at)}:{place.model}" for place in first]
        behind = [
            f"{one.drafts.name(place.at)}:{place.model}"
            for place in opening.places
            if place.fallback
        ]
        says = f"{opening.strategy}: " if len(opening.places) > 1 else ""
        says += ", ".join(at) + (f", then {', '.join(behind)}" if behind else "")
        if one.report.dry_run:
            one.report.row("channel", opening.name, says, new=not self._is_open(opening, one))
            return
        try:
            opened = self._opener.open(
                opening.name, at=at, strategy=opening.strategy,
                weights=[place.weight for place in first], fallback=behind,
                settings=opening.settings, by=one.by,
            )  # fmt: skip
        except OpenedOtherwiseError as error:
            one.report.notes.append(f"{error.message} {error.advice}")
            one.report.row("channel", opening.name, f"not moved; it asks {says}", new=False)
            return
        one.report.row(
            "channel", opening.name, f"{opened['release']} asks {says}", new=opened["new"]
        )

    def _is_open(self, opening: Opening, one: Import) -> bool:
        """Whether a channel is open; with a note where it is with something else."""
        try:
            channel = self._releases.channel(opening.name)
        except UnknownChannelError:
            return False
        release = self._catalog.by_digest(Digest(channel.stable))
        pinned = (self._catalog.by_digest(parent.digest) for parent in release.manifest.parents)
        pools = [pool_of(model) for model in pinned if model.kind == "model"]
        entries = (
            Entry(one.drafts.name(p.at), p.model, None, p.weight, p.fallback)
            for p in opening.places
        )
        if pools != [Pool(tuple(entries), opening.strategy)]:
            one.report.notes.append(
                f"The channel `{opening.name}` is open already, and serves `{release.ref}`: a "
                "release would be cut, and wait for `volano release promote`."
            )
        return True

    def _limit(self, opening: Opening, one: Import) -> None:
        wanted = dict(opening.limit)
        if not wanted:
            return
        subject = f"channel/{opening.name}"
        now = next((limit for limit in self._limits.list() if limit.subject == subject), None)
        new = now is None or any(getattr(now, name) != value for name, value in wanted.items())
        if new and not one.report.dry_run:
            self._limits.set(subject, **wanted, by=one.by)
        says = ", ".join(f"{measure} {value:,}" for measure, value in wanted.items())
        one.report.row("limit", subject, says, new=new)

    def _price(self, opening: Opening, one: Import) -> None:
        """Set the prices of its places; one target and model may be in several channels."""
        for place in opening.places:
            target, prices = one.drafts.name(place.at), dict(place.prices)
            name = f"{target}:{place.model}"
            if not prices or one.report.has("price", name):
                continue
            says = ", ".join(f"{rate} {value}" for rate, value in prices.items())
            new = not self._is_priced(target, place.model, prices)
            if new and not one.report.dry_run:
                self._costs.set_price(
                    place.model, target=target, input=prices.pop("input"),
                    output=prices.pop("output"), more=prices, by=one.by,
                )  # fmt: skip
            one.report.row("price", name, f"{says} USD a million tokens", new=new)

    def _is_priced(self, target: str, model: str, prices: Mapping[str, str]) -> bool:
        own = [o for o in self._costs.book().own if (o.target, o.model) == (target, model)]
        rates = own[-1].price.rates if own else None
        return all(getattr(rates, rate, None) == nano_of(text) for rate, text in prices.items())


def _possible(opening: Opening, one: Import) -> Opening | None:
    """Return the opening with the places that can be; None when there are none."""
    try:
        check_name(opening.name)
    except VolanoError:
        for key in opening.keys:
            why = "a channel's name has letters, digits and . _ - / between them; rename it"
            one.report.drop(key, why)
        return None
    found: dict[tuple[str, str], Place] = {}
    places = [place for place in opening.places if _is_possible(place, one)]
    for place in places:
        twin = (one.drafts.name(place.at), place.model)
        weight = place.weight
        if place.fallback and twin in found:
            continue
        if twin in found and opening.strategy != "ordered":
            weight += found[twin].weight
        found[twin] = replace(found.get(twin, place), weight=weight)
    if places and len(places) < len(opening.places) and opening.limit:
        told = (
            f"The limit of channel/{opening.name} counts entries that were not carried over, too."
        )
        one.report.notes.append(told)
    if found:
        kept = tuple(found.values())
        if all(place.fallback for place in kept):
            kept = tuple(replace(place, fallback=False) for place in kept)
            opening = replace(opening, strategy="ordered")
        return replace(opening, places=kept)
    for key in opening.keys:
        if not any(remark.key == key for remark in one.report.left):
            one.report.drop(key, "none of its entries can be carried over")
    return None


def _is_possible(place: Place, one: Import) -> bool:
    try:
        if not place.model.strip() or len(place.model) > 200 or not place.model.isprintable():
            raise InvalidError("the model's name there is missing or strange")
        one.drafts.of(place.at)
    except VolanoError as error:
        one.report.drop(place.key, _reason(error))
        return False
    return True


def _reason(error: VolanoError) -> str:
    """Say why without what is quoted: an address may come from a variable, which may hold anything."""
    advice = "; say --plain-http if you know the way is safe" if "readable" in error.message else ""
    return re.sub(r"`[^`]*`", "…", error.message) + advice


def _bytes_of(path: Path) -> bytes:
    """Read a file as far as readers look; a pipe or a device is none, and is not waited for."""
    try:
        with _opened(path) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnreadableFileError(path=path, why="it is not a file")
            return bytes(file.read(MAX_BYTES + 1))
    except OSError as error:
        raise UnreadableFileError(path=path, why=error.strerror or error) from error


def _opened(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
