"""A Provider: how the models of one vendor or server are asked, as data.

It says which dialects the API understands, at which path each, how a key becomes
header lines, and which headers tell what is still allowed. Ours are in
`volano.adapters.providers`; a package brings more through the entry-point group
`volano.plugins`: it registers them in `PROVIDERS`, by the same decorator.

Paths follow the address of a target, which includes the version (`/v1`). In
them `{model}` stands for the model's name and `{version}` for the target's API
version, both percent-encoded.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from volano.core.plugins import Registry
from volano.gateway.snapshot import Limits, Sign

Lines = dict[str, str]
UNKNOWN = Limits()
"""What is told only by `retry-after`."""
ANTHROPIC_VERSION = "2023-06-01"


def bearer(key: str) -> Lines:
    """Return what most APIs want: `Authorization: Bearer`."""
    return {"authorization": f"Bearer {key}"}


@dataclass(frozen=True)
class Provider:
    """How one kind of model API is asked.

    `paths` are its dialects, the best first. `url` is the usual address, perhaps
    with `{region}` in it; empty where every account has its own. `prefix` is added
    to an address that has no path. `key_env` names the usual variable; several
    joined by `:` make one key of their values. `models` lists the models, for
    `volano target check`; empty where the API cannot. `misfit` says of a key, and whether
    it is for the provider's own address, why it cannot be one ("" where it can), and
    `key_form` how keys are written; where they are not just one text.
    """

    name: str
    paths: Mapping[str, str]
    stream_paths: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    prefix: str = "/v1"
    key_env: str = ""
    auth: Callable[[str], Lines] = bearer
    sign: Callable[[str, str], Sign | None] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    models: str = "/models"
    limits: Limits = UNKNOWN
    version: str = ""
    region: str = ""
    key_form: str = ""
    misfit: Callable[[str, bool], str] | None = None

    def address(self, url: str = "", region: str = "") -> str:
        """Return the address that paths follow; "" when one must be given and was not."""
        base = (url or self.url.replace("{region}", region or self.region)).rstrip("/")
        for path in self.paths.values():
            if "{" not in path and base.endswith(path):
                base = base.removesuffix(path)
        return base if not base or urlsplit(base).path else base + self.prefix

    def path(self, template: str, model: str, version: str = "") -> str:
        """Return a path with the model and the API version put in."""
        version = version or self.version
        return template.replace("{model}", quote(model, safe="")).replace(
            "{version}", quote(version, safe="")
        )

    def lines(self, keys: Iterable[str]) -> tuple[Lines, ...]:
        """Return the header lines of each key."""
        return tuple(self.auth(key) for key in keys)


PROVIDERS: Registry[Provider] = Registry("provider")
"""All providers by name."""


def registered(provider: Provider) -> Provider:
    """Put a provider into the registry under its name."""
    return PROVIDERS.register(provider.name)(provider)
