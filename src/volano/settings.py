"""Settings come from four places: defaults, `volano.toml`, `VOLANO_*`, flags; the last wins.

Everything works with none of them. Values are frozen and carry their unit in
the name. `origins` says where each value came from, for `volano doctor`.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from volano.core.errors import InvalidError

FILE = "volano.toml"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class BadSettingError(InvalidError):
    """The setting `{name}` cannot be `{value}`: {why}."""

    hint = "It comes from {origin}; correct it there."


class UnknownSettingError(BadSettingError):
    """{origin} has a setting `{name}` that volano does not know{guess}."""

    hint = "Correct or remove it in {origin}; known are {known}."


class NotLoopbackError(InvalidError):
    """volano does not listen on {host}: without sign-in it stays on this machine."""

    hint = "Use 127.0.0.1, and put an SSH tunnel or your own proxy with sign-in in front."


@dataclass(frozen=True)
class Settings:
    """How one folder of state is run."""

    folder: Path
    """The state folder, `.volano`, 0700."""
    host: str = "127.0.0.1"
    """Address of gateway and console; loopback only."""
    port: int = 7070
    """Port of gateway and console."""
    workers: int = 1
    """Gateway processes that share the listening socket."""
    catalog: str = ""
    """SQLAlchemy URL of the catalog; empty means SQLite in the folder."""
    jobs_at_once: int = 1
    """Runs that work at the same time; the others wait."""
    engine_threads: int = 1
    """Threads of each local engine."""
    engine_slots: int = 8
    """Requests one local engine answers at the same time."""
    engine_max_mib: int = 0
    """Memory that each local engine may take, in MiB; one that takes more is started again. 0: no limit."""
    engines_max_mib: int = 0
    """Memory of all local engines together, in MiB; those used least wait until they are asked. 0: no limit."""
    engine_queue: int = 64
    """Requests that may wait for one local engine in each gateway process; more are refused (503)."""
    engine_replicas: int = 1
    """Processes of each local engine; the least busy one answers."""
    engine_replicas_max: int = 0
    """Processes of each that there may be when there is much to do. 0: always `engine_replicas`."""
    engine_scale_queue: int = 4
    """One more is started when so many calls wait for a slot, for each process that there is."""
    engine_scale_first_token_ms: int = 0
    """One more is started when the first token of streams takes longer, on average. 0: not looked at."""
    engine_scale_calm_s: int = 60
    """One ends when half of the slots of the others would have done, for so many seconds."""
    engine_embeddings: str = "off"
    """`on`: each model of ours in a channel gives embeddings too, by a second process."""
    max_body_bytes: int = 20 * 1024 * 1024
    """The largest request the gateway takes."""
    spool_max_bytes: int = 2 * 1024**3
    """Unrecorded calls kept on disk at most; then `spool_full` decides."""
    spool_full: str = "refuse"
    """`refuse` new calls, or serve them `unrecorded`, when the spool is full."""
    records_hot_hours: int = 24
    """Traces older than this are moved from the database into compressed files."""
    records_hot_rows: int = 200_000
    """Calls, and spans, that stay in the database at most; older ones are moved into files."""
    cache_max_bytes: int = 64 * 1024 * 1024
    """Answers a gateway worker keeps for channels with a cache, at most."""
    upstream_connect_s: int = 5
    """Seconds until a target must have taken a connection."""
    upstream_first_byte_s: int = 600
    """Seconds until a target's answer must have begun."""
    upstream_idle_s: int = 120
    """Seconds that a target may be silent within an answer."""
    upstream_total_s: int = 3600
    """Seconds until a target's answer must be whole."""
    region: str = ""
    """Where this gateway stands, such as eu-west-1: models with the strategy `region-first` prefer it.
    A call that says no region of itself is recorded with it."""
    alerts_every_s: int = 5
    """Seconds between two looks at the rules of alerts."""
    forward_otlp: str = ""
    """Where all traces go on to by OTLP/HTTP, such as https://otel.example.com/v1/traces; empty: nowhere."""
    forward_otlp_headers_env: str = ""
    """The variable with the headers for that, written name=value,name=value."""
    forward_otlp_hours: int = 24
    """Traces that are older when their turn comes are not forwarded, but counted as skipped."""
    openlineage_url: str = ""
    """Where Runs are told as OpenLineage events, such as https://marquez.example.com/api/v1/lineage; empty: nowhere."""
    openlineage_headers_env: str = ""
    """The variable with the headers for that, written name=value,name=value."""
    ray_address: str = "auto"
    """The Ray cluster for work `--on ray`: host:port, `auto` (RAY_ADDRESS, or the one of this machine), `local` (its own)."""
    grid: str = ""
    """The grid that feeds this machine, for CO2e: ISO 3166 code, `world`, or grams for a kWh; empty means unknown."""
    provider_grid: str = ""
    """The grid that feeds providers' data centres, said likewise."""
    core_watts: int = 0
    """Watts of this machine for each busy thread of an engine, measured; 0 means a usual range."""
    pue_percent: int = 0
    """Energy at the meter for 100 of this machine, cooling and supply included; 0 means a usual range."""
    tls_certificate: str = ""
    """PEM file of the certificate (with its chain) that the port serves https with; empty means http."""
    tls_key: str = ""
    """PEM file of the certificate's private key, without a passphrase."""
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def home(self) -> Path:
        """The folder that people work in: the parent of the state folder."""
        return self.folder.parent

    @property
    def catalog_url(self) -> str:
        """The catalog's database, SQLite in the folder by default."""
        return self.catalog or f"sqlite:///{self.folder / 'catalog.db'}"

    @property
    def url(self) -> str:
        """Where clients and browsers come."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    @property
    def outside(self) -> str:
        """Where other machines come; empty where only this one can."""
        local = self.host == "localhost" or self.host.startswith("127.") or self.host == "::1"
        return "" if local or self.host in ("0.0.0.0", "::") else self.url  # noqa: S104 - not bound, told apart

    @property
    def tls(self) -> bool:
        """Whether the port speaks https."""
        return bool(self.tls_certificate)

    @property
    def tls_files(self) -> tuple[Path, Path] | None:
        """Certificate and key, relative to the working folder; None means http."""
        if not self.tls:
            return None
        return self.home / self.tls_certificate, self.home / self.tls_key

    def path(self, *parts: str) -> Path:
        """Return a path inside the state folder."""
        return self.folder.joinpath(*parts)


def load(home: Path | str | None = None, **flags: Any) -> Settings:
    """Read the settings of a working folder. Flags that are None count as not given.

    Raises:
        UnknownSettingError: a name that is none of ours.
        BadSettingError: a value of the wrong kind, or a file that cannot be read.
        NotLoopbackError: an address that other machines could reach.
    """
    home = Path(home or os.environ.get("VOLANO_HOME") or ".").resolve()
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in (
        (str(home / FILE), _from_file(home / FILE)),
        ("the environment", _from_environment()),
        ("a flag", {name: value for name, value in flags.items() if value is not None}),
    ):
        for name, value in layer.items():
            values[name] = _typed(name, value, origin)
            origins[name] = origin
    settings = Settings(folder=home / ".volano", origins=origins, **values)
    _check(settings)
    return settings


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise BadSettingError(name=FILE, value="", why=error.strerror, origin=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettingError(name=FILE, value="", why=error, origin=path) from error


def _from_environment() -> dict[str, str]:
    names = {f.name for f in fields(Settings)} - {"folder", "origins"}
    return {
        name: os.environ[f"VOLANO_{name.upper()}"]
        for name in sorted(names)
        if os.environ.get(f"VOLANO_{name.upper()}")
    }


def _typed(name: str, value: Any, origin: str) -> Any:
    kinds = {
        f.name: type(f.default) for f in fields(Settings) if f.name not in {"folder", "origins"}
    }
    if name not in kinds:
        guess = _guess(name, value, list(kinds))
        known = ", ".join(kinds)
        raise UnknownSettingError(name=name[:80], guess=guess, known=known, origin=origin)
    if kinds[name] is int:
        try:
            return _whole(value)
        except (TypeError, ValueError) as error:
            raise BadSettingError(
                name=name, value=value, why="it must be a whole number", origin=origin
            ) from error
    if not isinstance(value, str):
        raise BadSettingError(name=name, value=value, why="it must be text", origin=origin)
    return value


def _guess(name: str, value: Any, known: list[str]) -> str:
    if isinstance(value, dict):
        return ": settings stand at the top of the file, in no section"
    near = difflib.get_close_matches(name.lower().replace("-", "_"), known, n=1)
    return f" (did you mean `{near[0]}`?)" if near else ""


def _whole(value: Any) -> int:
    """Read a whole number; 7070.5 and true are none."""
    if isinstance(value, bool | float):
        raise TypeError(value)
    return int(value)


def _check(settings: Settings) -> None:
    def demand(holds: bool, name: str, why: str) -> None:
        if not holds:
            value, origin = getattr(settings, name), settings.origins.get(name, "a default")
            raise BadSettingError(name=name, value=value, why=why, origin=origin)

    if settings.host not in LOOPBACK:
        raise NotLoopbackError(host=settings.host)
    demand(0 <= settings.port < 65536, "port", "ports are 0 to 65535")
    demand(1 <= settings.workers <= 64, "workers", "1 to 64 are possible")
    counted = (
        "jobs_at_once", "engine_threads", "records_hot_hours", "records_hot_rows", "alerts_every_s", "forward_otlp_hours",
    )  # fmt: skip
    waits = [f.name for f in fields(Settings) if f.name.startswith("upstream_")]
    for name in (*counted, *waits):
        demand(getattr(settings, name) >= 1, name, "it must be at least 1")
    demand(1 <= settings.engine_slots <= 256, "engine_slots", "1 to 256 are possible")
    demand(1 <= settings.engine_queue <= 4096, "engine_queue", "1 to 4096 are possible")
    demand(1 <= settings.engine_replicas <= 16, "engine_replicas", "1 to 16 are possible")
    most = settings.engine_replicas_max
    demand(
        most == 0 or settings.engine_replicas <= most <= 16,
        "engine_replicas_max",
        "it is 0, or from `engine_replicas` to 16",
    )
    demand(
        0 <= settings.engine_scale_first_token_ms <= 3_600_000,
        "engine_scale_first_token_ms",
        "0 to 3600000 are possible",
    )
    for name in ("engine_scale_queue", "engine_scale_calm_s"):
        demand(1 <= getattr(settings, name) <= 100_000, name, "1 to 100000 are possible")
    # what may wait for one engine in all gateway processes, beside what it answers
    waiting = settings.workers * (settings.engine_slots + settings.engine_queue)
    waiting -= settings.engine_slots
    demand(
        most <= settings.engine_replicas
        or settings.engine_scale_first_token_ms > 0
        or settings.engine_scale_queue <= waiting,
        "engine_scale_queue",
        f"only {waiting} calls can wait for an engine (engine_queue), so none would ever be started",
    )
    demand(settings.engine_embeddings in ("on", "off"), "engine_embeddings", "it is on or off")
    demand(
        1024 <= settings.max_body_bytes <= 64 * 1024**2,
        "max_body_bytes",
        "1 KiB to 64 MiB are possible",
    )
    demand(0 <= settings.core_watts <= 1000, "core_watts", "0 to 1000 are possible")
    pue = settings.pue_percent
    demand(pue == 0 or 100 <= pue <= 500, "pue_percent", "0, or 100 to 500, are possible")
    for name, other in (("tls_certificate", "tls_key"), ("tls_key", "tls_certificate")):
        given = getattr(settings, name) or not getattr(settings, other)
        demand(given, name, f"https needs it beside `{other}`")
    for name in ("forward_otlp", "openlineage_url"):
        place = getattr(settings, name)
        sound = not place or (place.startswith(("http://", "https://")) and "@" not in place)
        demand(sound, name, "an address begins with http:// or https://, and holds no password")
    demand(settings.spool_max_bytes >= 1024**2, "spool_max_bytes", "it must be at least 1 MiB")
    for name in ("engine_max_mib", "engines_max_mib"):
        demand(getattr(settings, name) >= 0, name, "it must be 0 or more")
    demand(settings.cache_max_bytes >= 0, "cache_max_bytes", "it must be 0 or more")
    demand(
        settings.spool_full in {"refuse", "unrecorded"}, "spool_full", "say refuse or unrecorded"
    )
