"""Entries of one `model_name` become one channel: their order, weights, limits and fallbacks."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from volano.adapters.gateways.litellm.entry import LIMITS, Entry
from volano.adapters.gateways.litellm.notes import Notes, numbered
from volano.gateway.setup import Opening, Place
from volano.models.keeper import MAX_ENTRIES

_STRATEGIES = {
    "simple-shuffle": "weighted",
    "least-busy": "least-busy",
    "latency-based-routing": "fastest",
    "cost-based-routing": "cheapest",
}
_NEARLY = {"usage-based-routing": "least-busy", "usage-based-routing-v2": "least-busy"}
_MOST_WEIGHT = 999_999


class Groups:
    """All channels of a file, before fallbacks."""

    def __init__(self, entries: Iterable[Entry], notes: Notes):
        self._notes = notes
        self._entries: dict[str, list[Entry]] = {}
        for entry in entries:
            self._entries.setdefault(entry.name, []).append(entry)
        self._strategy = "weighted"
        self._backs: dict[str, list[str]] = {}
        self._aliases: dict[str, tuple[str, str]] = {}

    def strategy(self, value: Any, key: str) -> None:
        """Take the routing strategy of all."""
        if isinstance(value, str) and value in _STRATEGIES:
            self._strategy = _STRATEGIES[value]
        elif isinstance(value, str) and value in _NEARLY:
            self._strategy = _NEARLY[value]
            self._notes.differ(key, "the nearest is least-busy, which counts calls in flight")
        else:
            why = "there is no such strategy here: calls are shared at random, by weight"
            self._notes.leave(key, why)

    def alias(self, value: Any, key: str) -> None:
        """Take other names of groups: a channel for each."""
        if not isinstance(value, Mapping):
            self._notes.leave(key, "it is not an object with keys")
            return
        if value:
            self._notes.forget(key)
        for name, said in value.items():
            at, group = f"{key}.{name}", said.get("model") if isinstance(said, Mapping) else said
            if not isinstance(group, str) or group not in self._entries:
                self._notes.leave(at, "it names no group that was carried over")
            elif name in self._entries or not isinstance(name, str):
                self._notes.leave(at, "there is a group of this name")
            else:
                self._aliases[name] = group, at
                self._notes.carry(at)
                if isinstance(said, Mapping) and set(said) != {"model"}:
                    self._notes.differ(at, "it is listed as any channel")

    def fallbacks(self, value: Any, key: str) -> None:
        """Take `fallbacks`: a list of {group: [groups]}."""
        if not isinstance(value, list):
            self._notes.leave(key, "it is not a list")
            return
        if any(value):
            self._notes.forget(key)
        for at, item in numbered(value, key):
            if not isinstance(item, Mapping):
                self._notes.leave(at, "it is not an object with keys")
                continue
            if not item:
                self._notes.carry(at)
            for group, backs in item.items():
                self._back(str(group), backs, f"{at}.{group}")

    def default_fallbacks(self, value: Any, key: str) -> None:
        """Take `default_fallbacks`: for all groups that have none of their own."""
        names = [name for name in value if name in self._entries] if _texts(value) else []
        if not names or len(names) < len(value):
            self._notes.leave(key, "it names what is no group that was carried over")
            return
        for name in self._entries:
            self._backs.setdefault(name, [back for back in names if back != name])

    def openings(self) -> list[Opening]:
        """Return the channels: groups first, then other names of them."""
        found = {name: self._opening(name) for name in self._entries}
        for group, at in self._aliases.values():
            if found[group].limit:
                self._notes.differ(at, f"it has a limit of its own, as high as that of {group}")
        return [
            *found.values(),
            *(
                replace(found[group], keys=(at,), name=name)
                for name, (group, at) in self._aliases.items()
            ),
        ]

    def _back(self, group: str, backs: Any, key: str) -> None:
        if group not in self._entries:
            self._notes.leave(key, "it is for no group that was carried over")
        elif not _texts(backs):
            self._notes.leave(key, "it is not a list of groups")
        elif not set(backs) <= set(self._entries):
            self._notes.leave(key, "it names what is no group that was carried over")
        else:
            self._backs[group] = list(backs)
            self._notes.carry(key)
            if shared := [name for name in backs if not self._ordered(name)]:
                why = f"the entries of {', '.join(shared)[:200]} are asked one after the other"
                self._notes.differ(key, why)

    def _ordered(self, name: str) -> bool:
        """Whether the entries are asked in an order, so that more can stand behind them."""
        return len(self._entries[name]) == 1 or any(
            "order" in entry.numbers for entry in self._entries[name]
        )

    def _opening(self, name: str) -> Opening:
        own = self._sorted(name)
        strategy = "ordered" if self._ordered(name) else self._strategy
        weights = self._weights(own, strategy)
        settings = self._settings(own)
        entries = [*own, *(e for back in self._backs.get(name, ()) for e in self._sorted(back))]
        weights += [1] * (len(entries) - len(weights))
        fallback = [strategy != "ordered" and n >= len(own) for n in range(len(entries))]
        places = tuple(
            Place(entry.key, *entry.asked, weight, behind, entry.prices)
            for entry, weight, behind in zip(entries, weights, fallback, strict=True)
        )
        for entry in entries[MAX_ENTRIES:]:
            why = f"a model has at most {MAX_ENTRIES} entries, with its fallbacks"
            (self._notes.drop if entry in own else self._notes.differ)(entry.key, why)
        keys = tuple(entry.key for entry in own)
        limit = self._limits(name, own)
        return Opening(keys, name, places[:MAX_ENTRIES], strategy, settings, limit)

    def _sorted(self, name: str) -> list[Entry]:
        """Return entries by their `order`; those without one come last."""
        entries = self._entries[name]
        last = Decimal("Infinity")
        found = sorted(entries, key=lambda entry: entry.numbers.get("order", last))
        tiers = {entry.numbers.get("order", last) for entry in entries}
        if len(entries) > 1 and len(tiers) < len(entries) and tiers != {last}:
            for entry in entries:
                if "order" in entry.numbers:
                    why = "entries of one order are asked one after the other, not in turns"
                    self._notes.differ(f"{entry.params}.order", why)
        return found

    def _weights(self, entries: list[Entry], strategy: str) -> list[int]:
        """Return whole weights: `weight`, else by requests or tokens a minute, as LiteLLM shuffles."""
        if strategy == "ordered" or len(entries) == 1:
            for entry in entries:
                if "weight" in entry.numbers and len(entries) > 1:
                    self._notes.leave(
                        f"{entry.params}.weight", "entries with an order have no weight"
                    )
            return [1] * len(entries)
        if any("weight" in entry.numbers for entry in entries):
            for entry in entries:
                if "weight" in entry.numbers and any("weight" not in e.numbers for e in entries):
                    why = "entries of its group without a weight count as 1"
                    self._notes.differ(f"{entry.params}.weight", why)
            return _whole([entry.numbers.get("weight", Decimal(1)) for entry in entries])
        for name in ("rpm", "tpm"):
            if strategy == "weighted" and all(name in entry.numbers for entry in entries):
                return _whole([entry.numbers[name] for entry in entries])
        return [1] * len(entries)

    def _settings(self, entries: list[Entry]) -> dict[str, Any]:
        """Return what all entries agree on: a release has one set of it."""
        found = {}
        for name in {name: None for entry in entries for name in entry.settings}:
            values = [entry.settings.get(name) for entry in entries]
            if all(value == values[0] for value in values):
                found[name] = values[0]
                continue
            for entry in entries:
                if name in entry.settings:
                    why = "the entries of its group do not agree on it; a channel has one"
                    self._notes.leave(f"{entry.params}.{name}", why)
        return found

    def _limits(self, group: str, entries: list[Entry]) -> dict[str, int]:
        """Return the channel's limit: the sum of the entries', where all have one."""
        found = {}
        for name, measure in LIMITS.items():
            having = [entry for entry in entries if name in entry.numbers]
            if not having:
                continue
            why = ""
            if self._backs.get(group):
                why = "a full channel would refuse what its fallbacks can answer"
            elif len(having) < len(entries):
                why = "other entries of its group have none, so that the channel has none"
            total = int(sum(entry.numbers[name] for entry in having))
            if not why and total < 1:
                why = "it is less than one"
            for entry in having:
                if why:
                    self._notes.leave(f"{entry.params}.{name}", why)
                elif len(entries) > 1:
                    told = f"limits are for a channel: {total:,} for all entries together"
                    self._notes.differ(f"{entry.params}.{name}", told)
            if not why:
                found[measure] = min(total, 1_000_000_000)
        return found


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _whole(weights: list[Decimal]) -> list[int]:
    """Scale weights to whole numbers from 1 that stand to each other as they did."""
    if all(weight == int(weight) for weight in weights) and max(weights) <= _MOST_WEIGHT:
        return [int(weight) for weight in weights]
    top = max(weights)
    return [max(1, round(weight / top * 10_000)) for weight in weights]
