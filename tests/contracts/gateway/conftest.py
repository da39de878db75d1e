"""One real worker in front of simulated providers, and the official clients in front of it.

A channel is named after the provider that it leads to. The targets are made by the
product's own rows of providers, so that paths, keys and headers are those of real life.
"""

import os
from collections.abc import Iterator

import anthropic
import openai
import pytest

from contracts.gateway.doors import Chat, Door, Messages, Responses
from simulators.providers import anthropic as anthropic_api
from simulators.providers import bedrock as bedrock_api
from simulators.providers import gemini as gemini_api
from simulators.providers import openai as openai_api
from simulators.providers.serving import Provider
from simulators.workers import KEY, NARROW, Arm, Channel, Flow, Workers, snapshot
from volano.adapters import providers as _ours  # noqa: F401 - it registers them
from volano.gateway.provider import PROVIDERS
from volano.gateway.snapshot import Target as Shape
from volano.gateway.target import Target, TargetKey, compiled

_AWS = f"{bedrock_api.ACCESS_KEY}:{bedrock_api.SECRET_KEY}"
_APIS = {
    "openai": (openai_api.answer, "/v1", openai_api.KEY),
    "anthropic": (anthropic_api.answer, "/v1", anthropic_api.KEY),
    "gemini": (gemini_api.answer, "/v1beta", gemini_api.KEY),
    "bedrock": (bedrock_api.answer, "", _AWS),
}
_CHANNELS = {
    "openai.chat": ("openai", "gpt-5", "openai.chat"),
    "openai.responses": ("openai", "gpt-5", "openai.responses"),
    "anthropic": ("anthropic", "claude-opus-4-5", None),
    "gemini": ("gemini", "gemini-3-pro", None),
    "gemini-2": ("gemini", "gemini-2.5-flash", None),
    "bedrock": ("bedrock", "anthropic.claude-opus-4-5-v1:0", None),
    "nova": ("bedrock", "amazon.nova-pro-v1:0", None),
    "openai": ("openai", "gpt-5", None),
}
"""Each channel's API, model, and the one dialect of several that it is asked in."""


class Seen:
    """What the providers were asked, and what they shall do."""

    def __init__(self, served: dict[str, Provider]):
        self.served = served

    def __getitem__(self, channel: str) -> Provider:
        return self.served[_CHANNELS[channel][0]]

    def act(self, channel: str, act: str) -> None:
        """Do this from now on, until the test is over."""
        self[channel].act = act

    def reset(self) -> None:
        for provider in self.served.values():
            provider.act = "ok"
            provider.seen.clear()


def _target(served: Provider, channel: str) -> Shape:
    api, model, only = _CHANNELS[channel]
    _, prefix, key = _APIS[api]
    made = Target(
        name=channel, provider=api, url=served.url + prefix, region=bedrock_api.REGION if api ==
        "bedrock" else "", version="", key_env=(), plain_http=False, enabled=True,
        created_us=0, updated_us=0,
    )  # fmt: skip
    shape = compiled(made, PROVIDERS.get(api), model, keys=[TargetKey("test", key)])
    if only is None:
        return shape
    return Shape(**{**{f: getattr(shape, f) for f in shape.__struct_fields__},
                    "dialects": {only: shape.dialects[only]}})  # fmt: skip


def _arm(*targets: Shape, **more) -> Arm:
    return Arm(release="support@1", release_digest="sha256:" + "a" * 64, targets=targets, **more)


@pytest.fixture(scope="package")
def _providers() -> Iterator[Seen]:
    served = {api: Provider(answer) for api, (answer, _, _) in _APIS.items()}
    yield Seen(served)
    for provider in served.values():
        provider.stop()


@pytest.fixture
def providers(_providers) -> Iterator[Seen]:
    """Set what they do; it is `ok` again when the test is over."""
    _providers.reset()
    yield _providers
    _providers.reset()


@pytest.fixture(scope="package")
def gateway(_providers, tmp_path_factory) -> Iterator[Workers]:
    """One worker; each provider is a channel of that name."""
    made = Workers(tmp_path_factory.mktemp("gw") / "state", retry_s=0.2, retries=0)
    targets = {name: _target(_providers[name], name) for name in _CHANNELS}
    channels = {name: Channel(arms=(_arm(target),)) for name, target in targets.items()}
    polite = Flow(before=({"role": "system", "content": "Be polite."},))
    for name in ("openai", "anthropic"):
        channels[f"polite-{name}"] = Channel(arms=(_arm(targets[name], flow=polite),))
    spare = _arm(targets["openai.responses"], targets["anthropic"])
    channels["spare"] = Channel(arms=(spare,))
    made.publish(snapshot(channels))
    asked_at_once = "import volano.gateway.health as health; health.SPARED_S = 0.0"
    made.start(1, timeouts="first_byte_s=20.0, idle_s=2.0", before=asked_at_once)
    yield made
    made.close()


@pytest.fixture(scope="package")
def openai_client(gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0, timeout=30) as made:
        yield made


@pytest.fixture(scope="package")
def anthropic_client(gateway) -> Iterator[anthropic.Anthropic]:
    url = gateway.url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0, timeout=30) as made:
        yield made


@pytest.fixture(scope="package")
def narrow_key() -> str:
    """The text of a key that may call no channel here."""
    return NARROW


@pytest.fixture(params=["chat", "responses", "messages"])
def door(request, openai_client, anthropic_client) -> Door:
    """The three doors that have a model write, each through its official client."""
    made = {"chat": Chat(openai_client), "responses": Responses(openai_client),
            "messages": Messages(anthropic_client)}  # fmt: skip
    return made[request.param]


@pytest.fixture(params=["openai.chat", "openai.responses", "anthropic", "gemini", "bedrock"])
def channel(request) -> str:
    """A provider of each wire format."""
    return request.param


@pytest.fixture(params=[False, True], ids=["plain", "streamed"])
def streamed(request) -> bool:
    return request.param


os.environ.pop("ANTHROPIC_AUTH_TOKEN", None)  # a developer's own must not reach the tests
