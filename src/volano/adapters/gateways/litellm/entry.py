"""One entry of `model_list`: a deployment, as LiteLLM calls it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from volano.adapters.gateways.litellm import reasons
from volano.adapters.gateways.litellm.notes import LeftOutError, Notes, Section
from volano.adapters.gateways.litellm.providers import Asked, asked
from volano.prompts.prompt import SETTINGS

LIMITS = {"rpm": "rpm", "tpm": "tpm", "max_parallel_requests": "concurrency"}
"""LiteLLM's limits of a deployment, and what they are called here."""
_PRICES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached",
    "cache_creation_input_token_cost": "cache_write",
}
_MODES = ("", "chat", "completion", "responses", "embedding")
_MOST = 1_000_000_000


@dataclass
class Entry:
    """What an entry says; `key` is its path, `params` the path of its parameters."""

    key: str
    params: str
    name: str
    asked: Asked
    numbers: dict[str, Decimal] = field(default_factory=dict)
    """Limits, weight and order, by LiteLLM's names."""
    settings: dict[str, Any] = field(default_factory=dict)
    prices: dict[str, str] = field(default_factory=dict)


class Credentials:
    """`credential_list`: sets of keys that entries refer to by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, tuple[str, Section]] = {}
        self._used: set[str] = set()

    def put(self, value: Any, key: str, notes: Notes) -> None:
        """Read one set."""
        section = Section(value if isinstance(value, Mapping) else {}, key, notes)
        name = section.take("credential_name")
        if not isinstance(name, str) or not isinstance(section.peek("credential_values"), Mapping):
            notes.drop(key, "it has no name, or no values")
            return
        self._by_name[name] = key, section.open("credential_values")
        section.close({}, "a description is not kept")

    def get(self, name: str) -> Section:
        """Return a set. Raises LeftOutError: there is none."""
        if name not in self._by_name:
            raise LeftOutError("its `litellm_credential_name` is not in `credential_list`")
        self._used.add(name)
        return self._by_name[name][1]

    def close(self, notes: Notes) -> None:
        """Leave out what no entry uses."""
        for name, (key, values) in self._by_name.items():
            values.close({}, "no entry that names it uses it")
            if name not in self._used:
                notes.drop(key, "no entry names it")


def read_entry(
    value: Any, key: str, *, credentials: Credentials, environment: Mapping[str, str], notes: Notes
) -> Entry | None:
    """Return an entry; None when it is left out, which the notes say."""
    try:
        return _entry(value, key, credentials, environment, notes)
    except LeftOutError as error:
        notes.drop(key, error.why)
        return None


def _entry(
    value: Any, key: str, credentials: Credentials, environment: Mapping[str, str], notes: Notes
) -> Entry:
    if not isinstance(value, Mapping):
        raise LeftOutError("it is not an object with keys")
    section = Section(value, key, notes)
    name = section.text("model_name")
    if not name:
        raise LeftOutError("it has no `model_name`")
    params = section.open("litellm_params")
    lent = params.text("litellm_credential_name")
    found = asked(_Lent(params, credentials.get(lent)) if lent else params, environment)
    entry = Entry(key, params.key, name, found)
    _numbers(params, entry)
    _settings(params, entry)
    _prices(params, entry)
    _about(section, entry)
    params.close(reasons.PARAMS)
    section.close({}, "an entry has no such key")
    return entry


class _Lent(Section):
    """Parameters of which some are in a set of credentials; an entry's own win."""

    def __init__(self, own: Section, lent: Section):
        super().__init__({}, own.key, own.notes)
        self._own, self._lent = own, lent

    def _holder(self, name: str) -> Section:
        return self._lent if self._own.peek(name) is None else self._own

    def take(self, name: str) -> Any:
        return self._holder(name).take(name)

    def peek(self, name: str) -> Any:
        return self._holder(name).peek(name)

    def at(self, name: str) -> str:
        return self._holder(name).at(name)


def _about(section: Section, entry: Entry) -> None:
    """Read `model_info`: which door, and prices; the rest are facts that nobody needs here."""
    info = section.open("model_info")
    mode = info.text("mode")
    if mode not in _MODES:
        raise LeftOutError("there is no door for its `mode`")
    _prices(info, entry)
    info.close(reasons.INFO, "facts about a model are not kept")


def _numbers(params: Section, entry: Entry) -> None:
    for name in (*LIMITS, "weight", "order"):
        value = params.take(name)
        if value is None:
            continue
        number = _number(value)
        if name == "weight" and number == 0:
            raise LeftOutError("its `weight` is 0: it is never asked")
        if number is None or number > _MOST or (number <= 0 and name != "order"):
            params.notes.leave(params.at(name), "it is no number that can be used")
        else:
            entry.numbers[name] = number


def _settings(params: Section, entry: Entry) -> None:
    for name, (what, holds) in SETTINGS.items():
        value = params.take(name)
        if value is None:
            continue
        if name == "stop" and isinstance(value, str):
            value = [value]
        if holds(value):
            entry.settings[name] = value
        else:
            params.notes.leave(params.at(name), f"it is not {what}")


def _prices(section: Section, entry: Entry) -> None:
    found = {}
    for name, rate in _PRICES.items():
        value = section.take(name)
        if value is None:
            continue
        number = _number(value)
        if number is None or number < 0 or number > 1:
            section.notes.leave(section.at(name), "it is no price of a token")
        else:
            found[rate] = format((number * 1_000_000).normalize(), "f")
    if {"input", "output"} <= found.keys():
        entry.prices = {**found, **entry.prices}
        return
    for name, rate in _PRICES.items():
        if rate in found:
            section.notes.leave(section.at(name), "a price needs both, of input and of output")


def _number(value: Any) -> Decimal | None:
    """Return a finite number; texts such as 1e-6 are numbers too, as for LiteLLM."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 30 else None
