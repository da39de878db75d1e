"""`volano doctor`: check this machine and this folder, and say what to do."""

import importlib.util
import shutil
import socket
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from volano.cli import talk
from volano.cli.cells import styled
from volano.core.errors import VolanoError
from volano.gateway.key_variables import KeyVariables
from volano.settings import Settings, load

LEAST_FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `advice` is empty when it is well."""

    what: str
    found: str
    advice: str = ""


@click.command("doctor", help="Check this machine and this folder, and say what to do.")
@click.option("--all", "everything", is_flag=True, help="Check all stored bytes, however many.")
@click.pass_context
def command(ctx: click.Context, everything: bool) -> None:
    """Print each finding; fail when one needs a hand."""
    settings = load(ctx.obj["home"])
    findings = list(look(settings, everything=everything))
    for finding in findings:
        sign, colour = ("✗", "red") if finding.advice else ("✓", "green")
        mark = styled(sign, sys.stdout, fg=colour)
        click.echo(f"{mark} {finding.what:<12} {finding.found}")
        if finding.advice:
            click.echo(f"  {'':<12} {finding.advice}")
    if any(finding.advice for finding in findings):
        ctx.exit(1)


def look(settings: Settings, *, everything: bool = False) -> Iterator[Finding]:
    """Look at everything, in the order in which a person would mend it."""
    yield Finding("python", f"{sys.version.split()[0]} at {sys.executable}")
    for name, origin in settings.origins.items():
        yield Finding("setting", f"{name} = {getattr(settings, name)} ({origin})")
    yield _disk(settings.home)
    yield _clock()
    yield _extra("train", ("torch", "transformers", "peft", "gguf"), "training")
    yield _extra("scale", ("psycopg",), "Postgres")
    yield _port(settings)
    if settings.folder.exists():
        yield _private(settings.folder)
        yield _ledger(settings)
        yield _blobs(settings, everything=everything)
        yield from _sealed(settings, everything=everything)
        yield from _provider_keys(settings)
        yield from _forwarded(settings)
    else:
        yield Finding("folder", f"no workspace in {settings.home} yet: volano init makes one")


def _disk(home: Path) -> Finding:
    free = shutil.disk_usage(home).free
    text = f"{free / 1024**3:.1f} GiB free"
    low = free < LEAST_FREE_BYTES
    return Finding(
        "disk",
        text,
        "Free some: calls are refused when the spool cannot be written." if low else "",
    )


def _clock() -> Finding:
    now = time.gmtime()
    odd = now.tm_year < 2026
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", now)
    return Finding("clock", text, "Set the clock: keys and signatures depend on it." if odd else "")


def _extra(name: str, modules: tuple[str, ...], what: str) -> Finding:
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if not missing:
        return Finding(name, f"{what} is installed")
    return Finding(
        name, f"{what} is not installed: pip install 'volano[{name}]' brings {', '.join(missing)}"
    )


def _port(settings: Settings) -> Finding:
    held = talk.holder(settings)
    if held:
        return Finding("platform", f"up, process {held.get('pid')}, {held.get('url', '')}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", settings.port))
        except OSError:
            return Finding(
                "port", f"{settings.port} is taken by another program", "Use volano up --port N."
            )
    return Finding("port", f"{settings.port} is free")


def _private(folder: Path) -> Finding:
    mode = stat.S_IMODE(folder.stat().st_mode)
    advice = f"Close it: chmod 700 {folder}" if mode & 0o077 else ""
    return Finding("folder", f"{folder} has mode {mode:o}", advice)


def _ledger(settings: Settings) -> Finding:
    """Ask the platform, or the files when it is down, whether the ledger is what it was."""
    report = _say(settings, "ledger", "ledger.verify")
    if isinstance(report, Finding):
        return report
    bad = report["problems"]
    return Finding(
        "ledger", f"{report['size']} events, {len(bad)} problems", "; ".join(map(str, bad[:3]))
    )


def _blobs(settings: Settings, *, everything: bool) -> Finding:
    """Check stored bytes; a sample says that it is one."""
    report = _say(settings, "blobs", "catalog.verify_blobs", all=everything)
    if isinstance(report, Finding):
        return report
    bad, checked, count = report["problems"], report["checked"], report["blobs"]
    sample = "" if checked == count else f" of {count:,}, chosen by chance: volano doctor --all"
    missing = any("not in the index" in why for why in bad)
    mend = "Say volano audit reindex." if missing else "Restore .volano/blobs from a backup."
    advice = f"{' '.join(bad[:3])} {mend}" if bad else ""
    return Finding("blobs", f"{checked:,} checked{sample}, {len(bad)} problems", advice)


def _sealed(settings: Settings, *, everything: bool) -> Iterator[Finding]:
    """Look whether each file of sealed traces is there, and with --all at its bytes."""
    from volano.traces.sealed.health import sealed, troubles

    hot_path = settings.path("records", "hot.db")
    try:
        files, rows = sealed(hot_path)
        found = list(troubles(hot_path, whole=everything))
    except VolanoError as error:
        yield Finding("records", error.message, error.advice or "See the logs in .volano/logs.")
        return
    deep = "" if everything or not files else ", sizes only: volano doctor --all"
    yield Finding("records", f"{files:,} sealed files of {rows:,} rows, {len(found)} bad{deep}")
    for one in found:
        yield Finding(
            "records",
            f"{one.path}: {one.why}; {one.rows:,} rows of {one.day} are missing in answers",
            "Restore this file from a backup to its place: it serves again within minutes. "
            "What was left of it lies in .volano/records/aside.",
        )


def _forwarded(settings: Settings) -> Iterator[Finding]:
    """Tell how forwarding goes, where traces are forwarded."""
    from volano.traces.forward.place import load as place_of

    if not settings.forward_otlp:
        return
    place = place_of(settings.path("records", "forward.json"))
    found = (
        f"{place.sent:,} calls and spans went on, {place.skipped:,} were too old, "
        f"{place.refused:,} were refused"
    )
    if place.trouble:
        found += f"; now: {place.trouble}"
    elif place.refused or place.skipped:
        found += "; all is well now"
    variable = settings.forward_otlp_headers_env
    told = f" and the headers in {variable}" if variable else ""
    advice = f"Look at the setting forward_otlp{told}; it is tried again by itself."
    yield Finding("forward", found, advice if place.trouble else "")


def _provider_keys(settings: Settings) -> Iterator[Finding]:
    """Tell which models would be asked without their key."""
    rows = _say(settings, "keys", "provider_keys")
    for row in [rows] if isinstance(rows, Finding) else rows:
        if isinstance(row, Finding):
            yield row
            continue
        named = KeyVariables(row["key_env"], mark="")
        advice = f"Set {named.needed} and start volano up again: calls to it fail."
        found = f"{row['model']} has its key in {named.all}"
        lacks = f"{row['model']} lacks its key: {named.are_not_set}"
        yield Finding("key", found if row["set"] else lacks, "" if row["set"] else advice)


def _say(settings: Settings, what: str, call: str, **arguments: Any) -> Any:
    """Say a verb; return its result, or what went wrong as a finding."""
    from volano.web.api import VERBS

    verb = next(v for v in VERBS if v.call == call)
    try:
        return talk.say(verb, arguments, home=str(settings.home))
    except VolanoError as error:
        return Finding(what, error.message, error.advice or "See the logs in .volano/logs.")
