"""Reads `config.yaml`: the sections, in the order in which they need each other."""

from collections.abc import Mapping
from typing import Any

from volano.adapters.gateways.litellm import reasons
from volano.adapters.gateways.litellm.entry import Credentials, read_entry
from volano.adapters.gateways.litellm.groups import Groups
from volano.adapters.gateways.litellm.notes import DIFFERS, LEFT, Notes, Section
from volano.adapters.gateways.yaml_text import read as read_yaml
from volano.core.errors import InvalidError
from volano.gateway.setup import Setup

_BOTH = ("routing_strategy", "model_group_alias", "fallbacks", "default_fallbacks")
"""What may stand in `router_settings` or in `litellm_settings`; the first wins."""


class NotLiteLLMError(InvalidError):
    """This is not LiteLLM's proxy configuration: {why}."""

    hint = "Name the file that `litellm --config` takes; it has a `model_list`."


def read(raw: bytes, environment: Mapping[str, str]) -> Setup:
    """Return what the file asks for, and what becomes of each of its keys.

    Raises:
        TooLongError, BadYamlError: it is not YAML that can be read.
        NotLiteLLMError: it is something else.
    """
    whole = read_yaml(raw)
    if not isinstance(whole, Mapping):
        raise NotLiteLLMError(why="it is not an object with keys")
    if not isinstance(whole.get("model_list"), list):
        raise NotLiteLLMError(why="it has no list `model_list`")
    notes = Notes()
    top = Section(whole, "", notes)
    credentials = Credentials()
    for key, value in top.items("credential_list"):
        credentials.put(value, key, notes)
    entries = [
        read_entry(value, key, credentials=credentials, environment=environment, notes=notes)
        for key, value in top.items("model_list")
    ]
    credentials.close(notes)
    groups = Groups([entry for entry in entries if entry], notes)
    router = top.open("router_settings")
    library = top.open("litellm_settings")
    _route(groups, router, library)
    router.close(reasons.ROUTER)
    library.close(reasons.LIBRARY)
    top.open("general_settings").close(reasons.GENERAL)
    openings = tuple(groups.openings())
    top.close(reasons.SECTIONS)
    return Setup(openings, notes.carried(), notes.remarks(DIFFERS), notes.remarks(LEFT))


def _route(groups: Groups, router: Section, library: Section) -> None:
    """Hand over what says how groups are asked."""
    takers: Mapping[str, Any] = {
        "routing_strategy": groups.strategy,
        "model_group_alias": groups.alias,
        "fallbacks": groups.fallbacks,
        "default_fallbacks": groups.default_fallbacks,
    }
    for name in _BOTH:
        first, second = router, library
        if router.peek(name) is None:
            first, second = library, router
        value = first.take(name)
        if value is not None:
            takers[name](value, first.at(name))
        if second.take(name) is not None:
            second.notes.leave(second.at(name), "`router_settings` says it, which wins")
