"""A Target: a connection to a provider account or a server, and what it means for workers."""

import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from urllib.parse import urlsplit

from volano.core.text import shown_address
from volano.gateway import snapshot as shape
from volano.gateway.errors import BadTargetError, BadTargetKeyError
from volano.gateway.provider import Provider

Texts = tuple[str, ...]

_URL = re.compile(r"[\x21-\x7e]+")
_KEY = re.compile(r"[\x21-\x7e]{1,4096}")
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")
_VERSION = re.compile(r"[A-Za-z0-9.-]{1,40}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


@dataclass(frozen=True)
class Target:
    """Where models are asked, and with whose account. Keys are elsewhere.

    An empty `url`, `version` or `region` is the provider's usual one. `ca_file` holds
    the authorities (PEM) that may vouch for it, instead of the machine's. Each of
    `key_env` names a variable that holds a key, or several joined by `:` whose
    values make one.
    """

    name: str
    provider: str
    url: str
    region: str
    version: str
    key_env: Texts
    plain_http: bool
    enabled: bool
    created_us: int
    updated_us: int
    ca_file: str = ""

    @property
    def vault_name(self) -> str:
        """Under which name the vault has its keys."""
        return f"target/{self.name}"


@dataclass(frozen=True)
class TargetKey:
    """A key of a target and where it comes from; the text is never shown."""

    source: str
    text: str

    def __repr__(self) -> str:
        return f"TargetKey({self.source!r})"


def check(target: Target, provider: Provider) -> None:
    """Make sure that a target can be used with its provider.

    Raises:
        BadTargetError: address, region, version or a variable's name is no good.
    """
    if target.region and not _REGION.fullmatch(target.region):
        raise BadTargetError(reason=f"`{ascii(target.region)[1:-1][:60]}` is no region")
    if target.version and not _VERSION.fullmatch(target.version):
        raise BadTargetError(reason=f"`{ascii(target.version)[1:-1][:60]}` is no API version")
    for names in target.key_env:
        if not all(map(_VARIABLE.fullmatch, names.split(":"))):
            raise BadTargetError(reason="`key_env` is the name of a variable, not a key")
    if target.url:
        check_address(target.url, plain_http=target.plain_http)
    if target.ca_file:
        check_authorities(target.ca_file)
    address = provider.address(target.url, target.region)
    if not address:
        reason = f"{provider.name} has no address that fits all; give yours with --url"
        raise BadTargetError(reason=reason)
    check_address(address, plain_http=target.plain_http)


def check_authorities(path: str) -> None:
    """Make sure that this file names authorities.

    Raises:
        BadTargetError: it cannot be read, or holds none.
    """
    if not Path(path).is_absolute():
        raise BadTargetError(reason=f"`{ascii(path)[1:-1][:200]}` is no absolute path")
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError, ValueError) as error:
        why = error.strerror if isinstance(error, FileNotFoundError) else "it holds no PEM"
        raise BadTargetError(
            reason=f"the authorities in `{ascii(path)[1:-1][:200]}` cannot be used ({why})"
        ) from error


def check_address(url: str, *, plain_http: bool = False) -> None:
    """Make sure that models may be asked at this address.

    https goes anywhere but to link-local addresses, where clouds hand out a
    machine's credentials. http goes to this machine and to private addresses,
    and elsewhere only where the owner said `plain_http`: keys travel readable.

    Raises:
        BadTargetError: they may not, and why.
    """
    if not _URL.fullmatch(url):
        raise BadTargetError(reason=f"`{shown_address(url)}` holds what no address has")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadTargetError(reason="its address cannot be read") from error
    if parts.netloc.endswith(":"):
        raise BadTargetError(
            reason=f"`{shown_address(url)}` has a colon and no port after it",
            hint="Say the port, such as http://127.0.0.1:8000, or leave the colon out.",
        )
    if parts.username is not None or parts.password is not None:
        raise BadTargetError(reason="credentials do not belong into an address")
    if set(url) & set("?#"):
        raise BadTargetError(reason="queries and fragments do not belong into an address")
    if parts.scheme not in ("http", "https") or not host:
        raise BadTargetError(reason=f"`{shown_address(url)}` is not an http address")
    number = _number(host)
    if number is not None and (
        number.is_link_local or number.is_multicast or number.is_unspecified
    ):
        raise BadTargetError(reason=f"`{host}` is not an address of a server")
    near = host == "localhost" or host.endswith(".localhost")
    near = near or (number is not None and (number.is_private or number.is_loopback))
    if parts.scheme == "http" and not near and not plain_http:
        reason = f"`{host}` is not on this machine or in a private network, and http is readable"
        raise BadTargetError(
            reason=reason, hint="Use https; or say --plain-http if you know the way is safe."
        )


def compiled(
    target: Target,
    provider: Provider,
    model: str,
    *,
    keys: Iterable[TargetKey],
) -> shape.Target:
    """Return what workers need to ask a model at a target.

    Raises:
        BadTargetKeyError: a key has characters that no header may have.
    """
    keys = list(keys)
    for key in keys:
        check_key(target.name, key)
    parts = urlsplit(provider.address(target.url, target.region))
    region = target.region or provider.region

    def path(template: str) -> str:
        return parts.path.rstrip("/") + provider.path(template, model, target.version)

    paths = {name: path(template) for name, template in provider.paths.items()}
    sets = provider.lines(key.text for key in keys)
    signs = tuple(provider.sign(key.text, region) for key in keys) if provider.sign else ()
    signs = signs if any(signs) else ()
    return shape.Target(
        name=target.name,
        url=f"{parts.scheme}://{parts.netloc}",
        model=model,
        path=paths.get("openai.chat") or next(iter(paths.values())),
        headers={**provider.headers, **(sets[0] if sets else {})},
        provider=provider.name,
        dialects=paths,
        stream_paths={name: path(t) for name, t in provider.stream_paths.items()},
        keys=tuple(lines for lines in sets if lines or signs),
        signs=signs,
        region=region,
        enabled=target.enabled,
        ca_file=target.ca_file,
        limits=provider.limits,
    )


def check_key(name: str, key: TargetKey) -> None:
    """Make sure that a key can stand in a header. Raises BadTargetKeyError: it cannot."""
    if not _KEY.fullmatch(key.text):
        reason = "it is not one line of printable ASCII"
        raise BadTargetKeyError(name=name, source=key.source, reason=reason)


def _number(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
