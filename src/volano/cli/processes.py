"""The processes of `volano up`, each started as `python -m volano.cli.processes NAME`.

Only the code of one process is imported in it: a gateway worker stays small.
"""

import json
import sys
from pathlib import Path
from typing import Any

from volano.core.errors import VolanoError
from volano.settings import Settings, load


def control(settings: Settings) -> None:
    """Run control: API, console, jobs, rollouts, snapshots."""
    from volano.web.control import run

    run(settings)


def recorder(settings: Settings) -> None:
    """Run the recorder: the spool becomes rows."""
    from volano.costs.book import Shelf
    from volano.costs.pricing import Pricing
    from volano.feedback.recording import run
    from volano.traces.mask.masking import Masking
    from volano.traces.sealed.upkeep import Keeping

    pricing = Pricing(Shelf(settings.path("run", "prices.json")).book)
    policy = settings.path("run", "retention.json")
    keeping = Keeping(policy, settings.records_hot_rows, settings.records_hot_hours)
    masking = Masking(settings.path("run", "mask.json"))
    run(
        settings.path("spool"),
        settings.path("records", "hot.db"),
        pricing,
        keeping,
        masking,
        _forwarder(settings),
    )


def _forwarder(settings: Settings) -> Any:
    """Return what forwards traces to another backend; None where there is none."""
    if not settings.forward_otlp:
        return None
    from volano.adapters.otlp import Sender
    from volano.core.clock import SystemClock
    from volano.traces.forward.forwarder import Forwarder
    from volano.traces.sealed.records import Records

    return Forwarder(
        Records(settings.path("records", "hot.db")),
        settings.path("records", "forward.json"),
        Sender(settings.forward_otlp, settings.forward_otlp_headers_env),
        clock=SystemClock(),
        hours=settings.forward_otlp_hours,
    )


def worker(settings: Settings, name: str, listen_fd: int) -> None:
    """Run a gateway worker on an inherited listening socket."""
    from volano.gateway.state import Limits
    from volano.gateway.worker import run
    from volano.wire.http_client import Timeouts

    upstream = Timeouts(
        settings.upstream_connect_s,
        settings.upstream_first_byte_s,
        settings.upstream_idle_s,
        settings.upstream_total_s,
    )
    limits = Limits(
        spool_bytes=settings.spool_max_bytes,
        cache_bytes=settings.cache_max_bytes,
        upstream=upstream,
    )
    run(listen_fd, settings.folder, name, limits=limits, tls=settings.tls_files)


def main(arguments: list[str]) -> None:
    """Run the named process. The settings come as JSON, as the supervisor read them."""
    from volano.jobs import lifeline

    lifeline.hold()
    try:
        _start(*arguments)
    except VolanoError as error:
        sys.exit(f"error: {error.message}\nhint:  {error.advice}")


def _start(name: str, raw: str, *rest: str) -> None:
    values = json.loads(raw)
    settings = load(Path(values.pop("home")), **values)
    if name == "worker":
        worker(settings, rest[0], int(rest[1]))
    else:
        {"control": control, "recorder": recorder}[name](settings)


if __name__ == "__main__":
    main(sys.argv[1:])
